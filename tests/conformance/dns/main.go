// Command dns stands for the name server of the suite's base manifests, a peer for UDP routes: it tells who asked, by the
// address and port of the question, and takes CoreDNS's flag -conf. The suite waits for its pod before any test.
package main

import (
	"flag"
	"log"
	"net"
	"strconv"

	"github.com/miekg/dns"
)

// whoAmI answers with the asker's address, and with its port in an SRV record, in the additional section.
func whoAmI(writer dns.ResponseWriter, question *dns.Msg) {
	answer := new(dns.Msg).SetReply(question)
	answer.Authoritative = true
	host, text, err := net.SplitHostPort(writer.RemoteAddr().String())
	port, _ := strconv.ParseUint(text, 10, 16)
	if err != nil || len(question.Question) != 1 {
		answer.Rcode = dns.RcodeFormatError
	} else {
		name, address := question.Question[0].Name, net.ParseIP(host)
		header := func(kind uint16) dns.RR_Header {
			return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET}
		}
		if v4 := address.To4(); v4 != nil {
			answer.Extra = append(answer.Extra, &dns.A{Hdr: header(dns.TypeA), A: v4})
		} else {
			answer.Extra = append(answer.Extra, &dns.AAAA{Hdr: header(dns.TypeAAAA), AAAA: address})
		}
		service := &dns.SRV{Hdr: header(dns.TypeSRV), Port: uint16(port), Target: "."}
		service.Hdr.Name = "_" + writer.LocalAddr().Network() + "." + name
		answer.Extra = append(answer.Extra, service)
	}
	if err := writer.WriteMsg(answer); err != nil {
		log.Print(err)
	}
}

func main() {
	_ = flag.String("conf", "", "not read")
	flag.Parse()
	dns.HandleFunc(".", whoAmI)
	failures := make(chan error)
	for _, network := range []string{"udp", "tcp"} {
		go func() { failures <- (&dns.Server{Addr: ":53", Net: network}).ListenAndServe() }()
	}
	log.Fatal(<-failures)
}
