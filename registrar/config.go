package registrar

import (
	"crypto/rand"
	"fmt"
	"time"

	"drawbridge/telemetry"
)

// Chosen here.
const (
	defaultMinExpires = 30 * time.Second // a browser behind a WebSocket needs no shorter one: the flow tells when it is gone
	defaultMaxExpires = time.Hour
	defaultContacts   = 10               // devices of one account that ring at once
	defaultGrace      = 30 * time.Second // a page reload comes back within seconds
	nonceLife         = 60 * time.Second // SEC-04: long enough for a person's slow link, short enough to be worthless later
	sweepEvery        = time.Second
)

// Config configures a Registrar.
type Config struct {
	Domain     string                           // digest realm and the only host accepted in To; required
	Password   func(user string) (string, bool) // required; must not block
	Algorithms map[string][]string              // digest algorithms of a realm, best first; without: MD5 on WebSocket, SHA-256 and MD5 elsewhere
	Bulk       func(user string) bool           // whether an account is a PBX that may register for all of its numbers; nil: none is
	MinExpires time.Duration                    // 0 means 30 s; a shorter wish is answered 423
	MaxExpires time.Duration                    // 0 means 1 h; a longer wish is shortened
	Contacts   int                              // bindings of one account; 0 means 10
	Grace      time.Duration                    // how long a binding outlives its flow; 0 means 30 s
	NonceKey   []byte                           // key of the challenges; nil makes one
	Events     telemetry.Listener
}

func (c Config) withDefaults() (Config, error) {
	if c.Domain == "" || c.Password == nil {
		return c, fmt.Errorf("registrar: domain and password source are required")
	}
	c.Bulk = orNobody(c.Bulk)
	c.MinExpires = orDefault(c.MinExpires, defaultMinExpires)
	c.MaxExpires = orDefault(c.MaxExpires, defaultMaxExpires)
	c.Grace = orDefault(c.Grace, defaultGrace)
	if c.Contacts == 0 {
		c.Contacts = defaultContacts
	}
	if c.NonceKey == nil {
		c.NonceKey = make([]byte, 32)
		_, _ = rand.Read(c.NonceKey) // never fails: crypto/rand ends the process instead
	}
	return c, nil
}

func orNobody(bulk func(string) bool) func(string) bool {
	if bulk == nil {
		return func(string) bool { return false }
	}
	return bulk
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
