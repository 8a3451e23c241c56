package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// Config configures a Transport.
type Config struct {
	Listeners []Listener
	TLS       map[string]Keys // by realm: the certificate of its TLS listeners, and whose clients' certificates they believe
	Peers     []Peer          // TLS peers that need other keys than their realm's
	Receiver  txn.Receiver    // required
	Events    telemetry.Listener

	MaxMessage        int // bytes; 0 means 64 KiB
	MaxFlows          int // WebSocket flows at once, and accepted connections of a realm; 0 means 20 000
	MaxFlowsPerSource int // the same from one IPv4 address or IPv6 /64; 0 means 256

	// Denied says whether src is not to be heard at all, and is asked before anything else, for each message. Datagram is asked instead of it
	// for each datagram and says whether it may be read. Both count what they turn away: it makes no event. nil denies nobody.
	Denied   func(realm string, src netip.Addr) bool
	Datagram func(realm string, src netip.Addr) bool
	// Allow says whether a datagram from src may be looked at, or a connection over network ("tcp", "tls") be accepted; nil allows all. What it
	// refuses hears nothing.
	Allow func(realm, network string, src netip.Addr) bool
	// Known says whether src is a peer that is configured: it may have many connections and is not slowed down. So may whoever proves the name
	// of a peer over TLS. nil knows all.
	Known func(realm string, src netip.Addr) bool

	// Tests only.
	listen       func(network string, at netip.AddrPort) (packetConn, error)
	listenStream func(network string, at netip.AddrPort) (net.Listener, error)
	dialStream   func(ctx context.Context, network string, from, to netip.AddrPort, dscp uint8) (net.Conn, error)
}

// Listener is one socket of a realm.
type Listener struct {
	Realm     string
	Network   string         // "udp", "tcp" or "tls"
	Addr      netip.AddrPort // port 0 picks one
	DSCP      uint8          // of its packets, those of the connections it accepts and those that are made from its address
	Advertise netip.AddrPort // what Via and Contact say; zero means Addr, port 0 means the bound port; needed when Addr is unspecified
}

// advertised is what Via and Contact say, for a socket bound to local.
func (l Listener) advertised(local netip.AddrPort) netip.AddrPort {
	switch {
	case !l.Advertise.Addr().IsValid():
		return local
	case l.Advertise.Port() == 0:
		return netip.AddrPortFrom(l.Advertise.Addr(), local.Port())
	}
	return l.Advertise
}

// Chosen here.
const (
	maxMessage   = 64 << 10
	maxFlows     = 20_000
	maxPerSource = 256 // an office behind one address

	udpReadBuffer = 4 << 20 // a second of a busy trunk while the process is not scheduled

	queueMessages = 256
	queueBytes    = 1 << 20

	pingMin     = 20 * time.Second // 25 s on average, spread so that flows do not beat in step
	pingSpread  = 10 * time.Second
	pongWait    = 10 * time.Second
	messageWait = 15 * time.Second // from the first frame of a message to its last
	writeWait   = 10 * time.Second
	closeWait   = time.Second // for the close frame, and for the peer to read it
	lingerBytes = 256 << 10   // of what the peer was still sending

	idleBuffer = 8 << 10 // a read buffer that has grown beyond is not kept

	openWait     = 10 * time.Second       // to connect and shake hands; then as long again to an accepted connection's first message
	idleWait     = time.Hour              // a connection that says nothing is given up; one with calls pings
	unackedWait  = 20 * time.Second       // until data that nobody acknowledges ends a connection
	keysEvery    = 10 * time.Second       // how often the files of certificates are looked at
	proofWait    = 15 * time.Second       // until a peer that is not configured has authenticated a request
	answerWait   = 250 * time.Millisecond // for the answers to what came before a message without an end
	acceptPause  = 5 * time.Millisecond
	streamBuffer = 4 << 10 // read buffer of each connection; most messages fit

	streamMessages = 4096     // queued for one connection: a busy trunk's, while its writer is not scheduled
	maxDialled     = 4096     // connections that are found by where they go to: made by us, or offered for it
	maxDialledEach = 256      // the same to one address: a trunk chooses the ports of its Contacts and aliases
	maxPerPeer     = 4096     // accepted from one address of a trunk
	maxFresh       = 1024     // in a realm
	maxFreshEach   = 256      // from one source
	maxHeld        = 64 << 20 // bytes of messages that have begun, in a realm
	maxHeldEach    = 4 << 20  // from one source

	paceEvery = 20 * time.Millisecond // 50 messages a second from a connection that is no trunk's
	paceBurst = 200
)

func (cfg Config) withDefaults() (Config, error) {
	if cfg.MaxMessage == 0 {
		cfg.MaxMessage = maxMessage
	}
	if cfg.MaxFlows == 0 {
		cfg.MaxFlows = maxFlows
	}
	if cfg.MaxFlowsPerSource == 0 {
		cfg.MaxFlowsPerSource = maxPerSource
	}
	if cfg.listen == nil {
		cfg.listen = listenUDP
	}
	if cfg.listenStream == nil {
		cfg.listenStream = listenTCP
	}
	if cfg.dialStream == nil {
		cfg.dialStream = dialTCP
	}
	if cfg.Receiver == nil {
		return cfg, fmt.Errorf("%w: no receiver", ErrConfig)
	}
	return cfg, checkListeners(cfg.Listeners, cfg.TLS)
}

func checkListeners(all []Listener, keys map[string]Keys) error {
	for _, l := range all {
		switch {
		case l.Network == "tls" && keys[l.Realm].Cert == "":
			return fmt.Errorf("%w: realm %s: TLS without a certificate", ErrConfig, l.Realm)
		case l.Network != "udp" && l.Network != "tcp" && l.Network != "tls":
			return fmt.Errorf("%w: network %q", ErrConfig, l.Network)
		case !l.Addr.IsValid():
			return fmt.Errorf("%w: realm %s: no address", ErrConfig, l.Realm)
		case l.Addr.Addr().IsUnspecified() && !l.Advertise.Addr().IsValid():
			return fmt.Errorf("%w: realm %s: %s needs an address to advertise", ErrConfig, l.Realm, l.Addr)
		}
	}
	return nil
}
