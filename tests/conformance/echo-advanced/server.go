package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	echo "sigs.k8s.io/gateway-api/conformance/echo-basic/grpcechoserver"
)

// server serves until one of its ports fails.
func server(arguments []string) error {
	var http, grpc, tcp, secured ports
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.Var(&http, "port", "HTTP port (8080)")
	flags.Var(&grpc, "grpc", "gRPC port (7070)")
	flags.Var(&tcp, "tcp", "TCP port (9090)")
	flags.Var(&secured, "tls", "which of the ports speak TLS")
	crt := flags.String("crt", "", "certificate for TLS; without such a file one is made")
	key := flags.String("key", "", "its key")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	var certificates *tls.Config
	if len(secured) > 0 {
		certificate, err := certificateFrom(*crt, *key)
		if err != nil {
			return err
		}
		certificates = &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}
	}
	failures := make(chan error)
	serve := func(chosen ports, standard int, function func(net.Listener, int, string) error) {
		if len(chosen) == 0 {
			chosen = ports{standard}
		}
		for _, port := range chosen {
			go func() {
				listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
				if err != nil {
					failures <- err
					return
				}
				if slices.Contains(secured, port) {
					listener = tls.NewListener(listener, certificates)
				}
				failures <- fmt.Errorf("port %d: %w", port, function(listener, port, hostname))
			}()
		}
	}
	serve(http, 8080, serveHTTP)
	serve(grpc, 7070, serveGRPC)
	serve(tcp, 9090, serveTCP)
	fmt.Printf("HTTP %v, gRPC %v, TCP %v, with TLS %v\n", http, grpc, tcp, secured)
	return <-failures
}

// certificateFrom reads a key pair, or makes a self-signed one: clients of these tests do not look at it.
func certificateFrom(crt, key string) (tls.Certificate, error) {
	if pair, err := tls.LoadX509KeyPair(crt, key); err == nil {
		return pair, nil
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "echo"},
		DNSNames:     []string{"echo", "echo-v1", "echo-v2"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, err
}

// serveHTTP tells about the request in lines of name=value, over HTTP/1.1 and over HTTP/2 with and without TLS.
func serveHTTP(listener net.Listener, port int, hostname string) error {
	tell := func(response http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body)
		peer, _, _ := net.SplitHostPort(request.RemoteAddr)
		lines := []string{
			fmt.Sprintf("ServicePort=%d", port),
			"Host=" + request.Host,
			"URL=" + request.RequestURI,
			"Method=" + request.Method,
			"Proto=" + request.Proto,
			"IP=" + peer,
		}
		if request.TLS != nil {
			lines = append(lines, "Alpn="+request.TLS.NegotiatedProtocol)
		}
		names := make([]string, 0, len(request.Header))
		for name := range request.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, value := range request.Header[name] {
				lines = append(lines, "RequestHeader="+name+":"+value)
			}
		}
		lines = append(lines, "Hostname="+hostname)
		response.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(response, strings.Join(lines, "\n")+"\n")
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return (&http.Server{Handler: http.HandlerFunc(tell), Protocols: protocols, ReadHeaderTimeout: time.Minute}).Serve(listener)
}

// pod answers as the suite's own gRPC server does.
type pod struct {
	echo.UnimplementedGrpcEchoServer
	name string
}

func (p pod) Echo(_ context.Context, request *echo.EchoRequest) (*echo.EchoResponse, error) {
	return &echo.EchoResponse{Request: request, Assertions: &echo.Assertions{Context: &echo.Context{Pod: p.name}}}, nil
}

func serveGRPC(listener net.Listener, _ int, hostname string) error {
	service := grpc.NewServer()
	echo.RegisterGrpcEchoServer(service, pod{name: hostname})
	return service.Serve(listener)
}

// serveTCP sends its name and then back what comes.
func serveTCP(listener net.Listener, _ int, hostname string) error {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			if _, err := fmt.Fprintf(connection, "Hostname=%s\n", hostname); err == nil {
				_, _ = io.Copy(connection, connection)
			}
		}()
	}
}
