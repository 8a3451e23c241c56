package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/template"

	"golang.org/x/sync/errgroup"

	"drawbridge/cmd/drawbridge/internal/caller"
	"drawbridge/cmd/drawbridge/internal/echo"
	"drawbridge/config"
	"drawbridge/telemetry"
	"drawbridge/web"
)

//go:embed demo.yaml
var demoYAML string

// demoNumbers are what the echo trunk answers to in ways of its own.
var demoNumbers = []web.DemoNumber{
	{Number: "echo", Label: "A tone, then yourself"},
	{Number: "callback", Label: "Hang up, and it calls you"},
	{Number: "ring", Label: "Rings and rings"},
	{Number: "busy", Label: "Always busy"},
	{Number: "404", Label: "No such number"},
}

type demoCommand struct {
	HTTP        string `default:"127.0.0.1:8080" help:"Phone page without TLS, loopback only."`
	HTTPS       string `default:":8443" help:"Phone page and signalling with TLS (self-signed)."`
	Admin       string `default:"127.0.0.1:9080" help:"Private port: health, metrics."`
	MediaPort   uint16 `default:"40000" help:"UDP port for browser media."`
	LogLevel    string `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
	Selftest    bool   `help:"Place one WebRTC call through the real sockets to the echo trunk, print one JSON line, exit 0 or 1."`
	SilentTrunk bool   `help:"The echo trunk answers but sends no audio: shows what a failed self-test looks like."`
}

// Run starts gateway and echo trunk, and the self-test's call when asked for.
func (c demoCommand) Run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // the terminal has gone: there is no file to read again
	defer stop()
	if c.Selftest {
		c.HTTP, c.HTTPS, c.Admin, c.MediaPort, c.LogLevel = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", 0, "error"
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.Selftest {
		return d.selftest(ctx, os.Stdout)
	}
	d.greet(os.Stdout)
	return d.run(ctx)
}

// demo is the gateway and its echo trunk.
type demo struct {
	gateway *gateway
	echo    *echo.Echo
	ended   chan *telemetry.CallEnded // the self-test waits for its call record
	alice   web.DemoUser
}

func (c demoCommand) open(ctx context.Context) (*demo, error) {
	phone, err := echo.New(echo.Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), Silent: c.SilentTrunk})
	if err != nil {
		return nil, err
	}
	users := []web.DemoUser{{Name: "alice", Password: rand.Text()[:12]}, {Name: "bob", Password: rand.Text()[:12]}}
	snap, err := c.snapshot(phone.Addr(), users)
	if err != nil {
		return nil, err
	}
	d := &demo{echo: phone, ended: make(chan *telemetry.CallEnded, 16), alice: users[0]}
	d.gateway, err = open(ctx, snap, extras{
		log: logger(os.Stderr, snap.Log), demo: &web.Demo{Users: users, Numbers: demoNumbers},
		events: telemetry.Listener{CallEnded: d.note},
	})
	if err != nil {
		return nil, err
	}
	phone.SetGateway(d.gateway.transport.Addrs("carrier")[0])
	return d, nil
}

func (c demoCommand) snapshot(trunk netip.AddrPort, users []web.DemoUser) (*config.Snapshot, error) {
	t, err := template.New("demo").Parse(demoYAML)
	if err != nil {
		return nil, fmt.Errorf("built-in configuration: %w", err)
	}
	var text bytes.Buffer
	err = t.Execute(&text, map[string]any{
		"HTTP": c.HTTP, "HTTPS": c.HTTPS, "Admin": c.Admin, "Media": c.MediaPort, "Level": c.LogLevel,
		"Alice": users[0].Password, "Bob": users[1].Password, "Echo": trunk,
	})
	if err != nil {
		return nil, fmt.Errorf("built-in configuration: %w", err)
	}
	return config.Parse("demo.yaml", text.Bytes(), nil)
}

// note keeps call records for the self-test; without one nobody reads, and the newest are dropped.
func (d *demo) note(e *telemetry.CallEnded) {
	select {
	case d.ended <- e:
	default:
	}
}

// run serves both until ctx ends; the trunk stays until the gateway has hung up its calls.
func (d *demo) run(ctx context.Context) error {
	trunk, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	var g errgroup.Group
	g.Go(func() error { return ended(d.echo.Run(trunk)) })
	g.Go(func() error {
		defer hangUp()
		return d.gateway.run(ctx)
	})
	return g.Wait()
}

// greet tells a person where to go.
func (d *demo) greet(out io.Writer) {
	at, w := d.gateway.web.Addrs(), new(strings.Builder)
	fmt.Fprintf(w, "\n  Drawbridge demo\n\n")
	for _, a := range at.Plain {
		fmt.Fprintf(w, "    phone page       http://localhost:%d/      on this machine: the microphone works at once\n", a.Port())
	}
	for _, a := range at.TLS {
		fmt.Fprintf(w, "                     https://%s/  from elsewhere: accept the self-signed certificate\n", netip.AddrPortFrom(hostAddress(), a.Port()))
	}
	for _, u := range d.gateway.snap().Users.Local {
		fmt.Fprintf(w, "    account          %-6s password %s   number %s\n", u.Name, u.Password.Reveal(), u.Numbers[0])
	}
	for _, n := range demoNumbers {
		fmt.Fprintf(w, "    call             %-9s %s\n", n.Number, n.Label)
	}
	if d.gateway.admin != nil {
		fmt.Fprintf(w, "    metrics          http://%s/metrics\n", d.gateway.admin.Addr())
	}
	fmt.Fprintf(w, "\n")
	_, _ = io.WriteString(out, w.String()) // a demonstration nobody reads runs all the same
}

// selftest places one call and prints its report as one line of JSON.
func (d *demo) selftest(ctx context.Context, w io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- d.run(ctx) }()
	roots := x509.NewCertPool()
	roots.AddCert(d.gateway.cert().Leaf)
	report, err := caller.Call(ctx, caller.Config{
		URL: "wss://" + d.gateway.web.Addrs().TLS[0].String() + "/sip", TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		User: d.alice.Name, Password: d.alice.Password, Domain: d.gateway.snap().Users.Domain, To: demoNumbers[0].Number, CDR: d.recorded,
	})
	_, unheard := fmt.Fprintln(w, report)
	stop()
	if broken := errors.Join(<-served, unheard); broken != nil {
		return broken
	}
	if err != nil {
		return errVerdict
	}
	return nil
}

// recorded waits for the record of the call with this Call-ID.
func (d *demo) recorded(ctx context.Context, callID string) error {
	for {
		select {
		case e := <-d.ended:
			if e.A.CallID == callID {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
