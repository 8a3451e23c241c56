package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"drawbridge/tests/gateway"
)

// Places of drawbridge.yaml.
const (
	sipAddr   = "127.0.0.1:25060"
	tlsAddr   = "127.0.0.1:25061"
	webAddr   = "127.0.0.1:25080"
	adminAddr = "127.0.0.1:25090"
	phoneAddr = "127.0.0.1:25070"
)

// webTLS is the public port.
var webTLS = netip.MustParseAddrPort("127.0.0.1:25443")

// plan is every run, in order. They share the gateway, as they would in the field.
var plan = []run{
	{tool: "sip-torture.py", corpus: "rfc4475", messages: "raw", transport: "udp"},
	{tool: "sip-torture.py", corpus: "rfc5118", messages: "wire", transport: "udp"},
	{tool: "sip-torture.py", corpus: "rfc4475", messages: "raw", transport: "tcp"},
	{tool: "sip-torture.py", corpus: "rfc5118", messages: "wire", transport: "tcp"},
	{tool: "sip-torture.py", corpus: "rfc4475", messages: "raw", transport: "tcp", chunk: 1},
	{tool: "sip-torture.py", corpus: "rfc4475", messages: "raw", transport: "tls"},
	{tool: "sip-torture.py", corpus: "rfc5118", messages: "wire", transport: "tls"},
	{tool: "sip-torture.py", corpus: "rfc4475", messages: "raw", transport: "ws"},
	{tool: "sip-torture.py", corpus: "rfc5118", messages: "wire", transport: "ws"},
	{tool: "sdp-corpus.py", corpus: "sdp", transport: "udp"},
	{tool: "sdp-corpus.py", corpus: "sdp", transport: "tcp"},
}

// errMissed says that the figures on the last line are not what they have to be.
var errMissed = errors.New("the gateway missed what it owes")

func main() {
	binary := flag.String("binary", "", "the gateway's program")
	config := flag.String("config", "tests/torture/drawbridge.yaml", "its configuration")
	verbose := flag.Bool("v", false, "a line for every message")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := torture(ctx, *binary, *config, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func torture(ctx context.Context, binary, config string, verbose bool) (err error) {
	where, err := find()
	if err != nil {
		return err
	}
	p, err := openPhone(phoneAddr)
	if err != nil {
		return err
	}
	defer p.close()
	dir, err := os.MkdirTemp("", "drawbridge-torture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	key, err := gateway.MakeIdentity(dir)
	if err != nil {
		return err
	}
	gw, err := start(ctx, binary, config, key)
	if err != nil {
		return err
	}
	var sum tally
	for _, r := range plan {
		t, err := r.do(ctx, where, verbose)
		if err != nil {
			return errors.Join(err, gw.stop())
		}
		fmt.Printf("%-16s %-8s %-4s %s\n", r.tool, r.corpus, r.transport, t)
		sum.add(t)
	}
	t, err := browser(ctx, where, key, verbose)
	if err != nil {
		return errors.Join(err, gw.stop())
	}
	fmt.Printf("%-16s %-8s %-4s %s\n", "json line", "sdp", "wss", t)
	sum.add(t)
	err = errors.Join(gw.unhurt(ctx), gw.stop(), gw.discreet())
	if err != nil {
		sum.fail++
	}
	fmt.Println(sum)
	if sum.fail > 0 {
		err = errors.Join(err, errMissed)
	}
	return err
}
