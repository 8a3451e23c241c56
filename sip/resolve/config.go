package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"drawbridge/telemetry"
)

// Config configures a Resolver.
type Config struct {
	Servers []netip.AddrPort // asked in this order; none means those of /etc/resolv.conf
	Realms  map[string]Realm
	Watch   []Watch // names that are kept fresh
	Events  telemetry.Listener

	exchange func(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) // tests
}

// Realm is what the look-ups of one side of the border depend on.
type Realm struct {
	Ways    []Way // what its sockets can send; a hop that no way leads to is no hop
	Family  Family
	Private bool // private and loopback answers are fine: the realm itself is not public (security.md T46)
}

// Way is one kind of socket.
type Way struct {
	Network string // "udp", "tcp" or "tls"
	V6      bool
}

// Family is which addresses of a name are tried, and which first.
type Family uint8

// The families. The zero value takes both: IPv4 first, which is what trunks are reached by nearly everywhere.
const (
	V4First Family = iota
	V6First
	V4Only
	V6Only
)

// Chosen here.
const (
	maxHops    = 10 // of one URI, and as many records of each kind (security.md T46)
	maxAliases = 8  // CNAMEs in one answer

	workers = 16  // look-ups at a time
	queued  = 256 // look-ups that wait for a worker; more are refused
	waiting = 64  // who waits for one of them; more are refused

	lookupLimit = 5 * time.Second         // one look-up in all: a caller has long heard 100 and hears nothing else
	serverLimit = 1500 * time.Millisecond // one question to one server
	slowAAAA    = 500 * time.Millisecond  // what a broken AAAA may cost when the A is there

	minTTL      = 5 * time.Second
	maxTTL      = 24 * time.Hour
	maxNegative = 15 * time.Minute
	failureTTL  = 30 * time.Second // no server answered: so long is what we have good enough (RFC 8767 section 5 says 30 s)
	maxStale    = 24 * time.Hour   // and so long behind its end at most (1 to 3 days there)
	maxEntries  = 4096

	watchEvery = 30 * time.Second
	watchAhead = 40 * time.Second // what ends before the next round is asked for now
)

const resolvConf = "/etc/resolv.conf"

// servers are the addresses to ask, in order.
func (cfg Config) servers() ([]string, error) {
	var out []string
	for _, s := range cfg.Servers {
		out = append(out, s.String())
	}
	if len(out) > 0 {
		return out, nil
	}
	system, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, s := range system.Servers {
		out = append(out, joinPort(s, system.Port))
	}
	return out, nil
}
