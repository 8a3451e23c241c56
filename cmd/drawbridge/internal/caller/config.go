package caller

import (
	"context"
	"crypto/tls"
	"net/url"
	"time"
)

// Config describes one call.
type Config struct {
	URL      string      // wss://HOST:PORT/ of the gateway
	TLS      *tls.Config // for a private certificate; nil means the system's roots
	User     string
	Password string
	Domain   string // SIP domain of the account; "" means the URL's host
	To       string // number or user to call

	SendHz   float64   // tone sent; 0 means 1000
	ExpectHz []float64 // tones that must be heard, in any order; nil means 620 (the echo trunk's greeting) and SendHz (its echo)

	Timeout time.Duration // of the whole run; 0 means 10 s
	// CDR waits for the call record of the dialog with this Call-ID; nil leaves the stage out.
	CDR func(ctx context.Context, callID string) error
}

// Chosen here.
const (
	defaultTimeout = 10 * time.Second
	defaultSend    = 1000 // Hz; whole periods in 8 samples: a line in the spectrum
	greetingHz     = 620  // what the echo trunk plays
	sendAmplitude  = 0.25 // of full scale: loud, and far from clipping after Opus
	toneSNR        = 10   // dB above all the rest; a tone through Opus and G.711 has about 20
	frame          = 20 * time.Millisecond
	pcmRate        = 8000        // Hz: telephone quality needs no more
	goodbye        = time.Second // for hanging up after a failure
)

func (c Config) withDefaults() Config {
	if c.SendHz == 0 {
		c.SendHz = defaultSend
	}
	if c.ExpectHz == nil {
		c.ExpectHz = []float64{greetingHz, c.SendHz}
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Domain == "" {
		if u, err := url.Parse(c.URL); err == nil {
			c.Domain = u.Hostname()
		}
	}
	return c
}

func (c Config) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || (u.Scheme != "wss" && u.Scheme != "ws") || u.Host == "":
		return ErrURL
	case c.User == "" || c.To == "":
		return ErrAccount
	}
	return nil
}
