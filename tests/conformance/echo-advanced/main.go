// Command echo-advanced is the application of the suite's mesh tests: an echo server, and a client that the tests run in its
// pod. The suite's manifests name an image of Istio's, whose sources are in no Go module that can be had; this program
// speaks the same tongue, as far as the suite writes and reads it (utils/echo in its module).
//
//	server [--port=N]... [--grpc=N]... [--tcp=N]... [--tls=N]... [--crt=FILE --key=FILE]
//	client URL [--method=M] [-H name:value]... [--count=N]
//
// Which of both it is, its own name says.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// values collects a flag that may be given more than once.
type values []string

func (v *values) String() string { return strings.Join(*v, ",") }

func (v *values) Set(text string) error {
	*v = append(*v, text)
	return nil
}

// ports are values that are port numbers.
type ports []int

func (p *ports) String() string { return fmt.Sprint(*p) }

func (p *ports) Set(text string) error {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return fmt.Errorf("%q: a port is expected, 1 to 65535", text)
	}
	*p = append(*p, int(number))
	return nil
}

func main() {
	run := server
	if filepath.Base(os.Args[0]) == "client" {
		run = client
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
}
