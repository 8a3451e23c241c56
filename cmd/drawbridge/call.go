package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"drawbridge/cmd/drawbridge/internal/caller"
)

type callCommand struct {
	URL      string        `arg:"" help:"SIP over WebSocket, wss://HOST:PORT/sip."`
	To       string        `arg:"" help:"Number or user to call."`
	User     string        `required:"" help:"Account."`
	Password string        `env:"DRAWBRIDGE_CALL_PASSWORD" help:"Its password; better in the environment."`
	Domain   string        `help:"SIP domain of the account; the URL's host by default."`
	Hear     []float64     `help:"Tones that have to be heard, in Hz; none: any audio."`
	CA       string        `type:"existingfile" help:"PEM certificate to trust, beside the system's."`
	Insecure bool          `help:"Do not verify the gateway's certificate."`
	Timeout  time.Duration `default:"10s" help:"Of the whole call."`
}

var errNoCertificate = errors.New("no certificate in the file")

// Run places the call and prints the report.
func (c callCommand) Run(ctx context.Context) error {
	trust, err := c.trust()
	if err != nil {
		return err
	}
	expect := c.Hear
	if expect == nil {
		expect = []float64{}
	}
	report, err := caller.Call(ctx, caller.Config{
		URL: c.URL, TLS: trust, User: c.User, Password: c.Password, Domain: c.Domain, To: c.To, ExpectHz: expect, Timeout: c.Timeout,
	})
	fmt.Println(report)
	if err != nil {
		return errVerdict
	}
	return nil
}

func (c callCommand) trust() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure}
	if c.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	if t.RootCAs, err = x509.SystemCertPool(); err != nil {
		t.RootCAs = x509.NewCertPool()
	}
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("trust %s: %w", c.CA, errNoCertificate)
	}
	return t, nil
}
