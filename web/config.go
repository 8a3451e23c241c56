package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"drawbridge/b2bua"
	"drawbridge/telemetry"
)

// Fixed by RFC 7118 section 4 and by docs/signalling-v1.md.
const (
	SIPProtocol    = "sip"           // WebSocket subprotocol at / and /sip
	SignalProtocol = "drawbridge.v1" // WebSocket subprotocol at /v1/signal
	SignalPath     = "/v1/signal"
	signalVersion  = 1
)

// Chosen here.
const (
	headerTimeout  = 5 * time.Second  // a browser sends its headers at once; a slow one is an attack
	idleTimeout    = 30 * time.Second // keep-alive connections of the page
	writeTimeout   = 30 * time.Second // the largest static file over a bad mobile link
	maxHeaderBytes = 16 << 10         // bytes
	maxFrame       = 64 << 10         // bytes of one WebSocket message, either protocol

	helloTimeout = 15 * time.Second // for a user agent, not for a person: the page asks for the password before it connects
	helloTries   = 3                // per connection
	failBurst    = 20               // failed hellos of one source: an office behind one address mistypes now and then
	failEvery    = 6 * time.Second  // one more failure is forgiven after this time

	pingEvery     = 25 * time.Second // below the 30 s after which some proxies drop a silent connection
	silenceLimit  = 60 * time.Second // two pings lost: the browser is gone
	frameTimeout  = 10 * time.Second // one write
	queueLimit    = 64               // signals waiting for one browser; a call needs about ten
	badLimit      = 20               // unusable messages after which a line is closed
	messageRate   = 50               // messages a second; a faster line is read slower, nothing is dropped
	messageBurst  = 100              //
	linesPerUser  = 16               // pages one account may have open
	shutdownGrace = 5 * time.Second  // for requests under way when Run ends
)

// Config configures a Server. The zero value serves nothing.
type Config struct {
	Listen []string    // host:port of the TLS listeners
	Plain  []string    // host:port of listeners without TLS; refused unless loopback
	TLS    *tls.Config // required with Listen; its certificates may change under GetCertificate

	// Control prepares the socket of each listener, nil not at all; see net.ListenConfig.
	Control func(network, address string, c syscall.RawConn) error

	Realm string // the realm of browsers
	Guests

	MaxConns          int // connections at a time; 0 means 20 000
	MaxConnsPerSource int // of one address (IPv6: one /64); 0 means 1 000: a large office behind one address
	MaxConnRate       int // new connections a second of one source, with a burst of four times as many; 0 means 100

	Demo *Demo // shown by the page to loopback only; nil for a real gateway

	// Denied says whether an address is not to be heard: it is asked for each connection and each message of a JSON line. nil denies nobody.
	Denied func(src netip.Addr) bool

	// Proved hears that an account has logged in from an address. May be nil.
	Proved func(src netip.Addr)

	// SIP serves an upgraded connection until it ends or ctx does. local is the address it came in on. nil refuses SIP with 404.
	SIP func(ctx context.Context, conn *websocket.Conn, secure bool, local netip.AddrPort)
	// Signals takes the JSON lines' messages. nil refuses JSON signalling with 404.
	Signals Signals
	// CheckPassword answers in the same time whether or not the user exists. Required with Signals.
	CheckPassword func(user, password string) bool
	Events        telemetry.Listener
}

// Guests say who is let in and what they are told: what may change while a Server runs.
type Guests struct {
	Origins       []string // exact origins, "https://www.example.com", beside the page's own, which is always allowed
	AllowNoOrigin bool     // let clients in that send no Origin: SIP phones over WebSocket; never a browser
	Name          string   // what the page and hello call this gateway; "" means "Drawbridge"

	// Numbers lists the numbers of an account, for the page; may be nil.
	Numbers func(user string) []string
}

// Signals is the call side of JSON signalling; b2bua.Switch implements it. For one line the calls come in order from one
// goroutine, LineLost last and once. They must not block.
type Signals interface {
	Signal(l b2bua.Line, s b2bua.Signal)
	LineLost(l b2bua.Line)
}

// Demo is what the phone page of the built-in demonstration offers to fill in.
type Demo struct {
	Users   []DemoUser   `json:"users"`
	Numbers []DemoNumber `json:"numbers"`
}

// DemoUser is a demonstration account. Its password is public by intent.
type DemoUser struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

// DemoNumber is a number worth calling.
type DemoNumber struct {
	Number string `json:"number"`
	Label  string `json:"label"`
}

func (c Config) withDefaults() Config {
	if c.MaxConns == 0 {
		c.MaxConns = 20_000
	}
	if c.MaxConnsPerSource == 0 {
		c.MaxConnsPerSource = 1_000
	}
	if c.MaxConnRate == 0 {
		c.MaxConnRate = 100
	}
	c.Guests = c.Guests.withDefaults()
	return c
}

func (g Guests) withDefaults() Guests {
	if g.Name == "" {
		g.Name = "Drawbridge"
	}
	return g
}

func (c Config) check() error {
	if len(c.Listen) > 0 && c.TLS == nil {
		return fmt.Errorf("web: listen %s: %w", c.Listen[0], ErrNoTLS)
	}
	if c.Signals != nil && c.CheckPassword == nil {
		return ErrNoPasswords
	}
	return nil
}
