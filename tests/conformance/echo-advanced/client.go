package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	echo "sigs.k8s.io/gateway-api/conformance/echo-basic/grpcechoserver"
)

const patience = 10 * time.Second // for one request

type call struct {
	url     *url.URL
	method  string
	headers [][2]string
	output  *bufio.Writer
}

// client sends one request, or several one after the other, and writes down what came of each, with an empty line between.
// That no answer came at all is an error; any status is an answer.
func client(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("a URL is expected")
	}
	target, err := url.Parse(arguments[0])
	if err != nil {
		return err
	}
	var headers values
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	method := flags.String("method", http.MethodGet, "method of the request")
	flags.Var(&headers, "H", "header, as name:value")
	count := flags.Int("count", 1, "number of requests")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	c := call{url: target, method: *method, output: bufio.NewWriter(os.Stdout)}
	defer c.output.Flush()
	for _, header := range headers {
		name, value, found := strings.Cut(header, ":")
		if !found {
			return fmt.Errorf("-H %q: name:value is expected", header)
		}
		c.headers = append(c.headers, [2]string{name, strings.TrimSpace(value)})
	}
	send, end, err := c.sender()
	if err != nil {
		return err
	}
	defer end()
	for number := range *count {
		if number > 0 {
			fmt.Fprintln(c.output)
		}
		fmt.Fprintf(c.output, "[%d] Url=%s\n", number, target)
		if err := send(number); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return nil
}

// sender is what sends a request of the URL's kind, and what ends its connections.
func (c call) sender() (send func(number int) error, end func(), err error) {
	switch c.url.Scheme {
	case "http", "https":
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true}
		web := &http.Client{
			Transport:     transport,
			Timeout:       patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		return func(number int) error { return c.sendHTTP(web, number) }, transport.CloseIdleConnections, nil
	case "grpc":
		connection, err := grpc.NewClient("passthrough:///"+c.url.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, nil, err
		}
		service := echo.NewGrpcEchoClient(connection)
		return func(number int) error { return c.sendGRPC(service, number) }, func() { connection.Close() }, nil
	}
	return nil, nil, fmt.Errorf("scheme %q: http, https or grpc is expected", c.url.Scheme)
}

func (c call) sendHTTP(web *http.Client, number int) error {
	request, err := http.NewRequest(c.method, c.url.String(), nil)
	if err != nil {
		return err
	}
	for _, header := range c.headers {
		if strings.EqualFold(header[0], "host") {
			request.Host = header[1]
		} else {
			request.Header.Add(header[0], header[1])
		}
	}
	response, err := web.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.output, "[%d] StatusCode=%d\n", number, response.StatusCode)
	names := make([]string, 0, len(response.Header))
	for name := range response.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range response.Header[name] {
			fmt.Fprintf(c.output, "[%d] ResponseHeader=%s:%s\n", number, name, value)
		}
	}
	for line := range bytes.Lines(body) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			fmt.Fprintf(c.output, "[%d body] %s\n", number, line)
		}
	}
	return nil
}

func (c call) sendGRPC(service echo.GrpcEchoClient, number int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, header := range c.headers {
		ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(header[0]), header[1])
	}
	response, err := service.Echo(ctx, &echo.EchoRequest{})
	if err != nil {
		return err
	}
	// The suite expects the status of HTTP here too.
	fmt.Fprintf(c.output, "[%d] StatusCode=%d\n[%d body] Hostname=%s\n",
		number, http.StatusOK, number, response.GetAssertions().GetContext().GetPod())
	return nil
}
