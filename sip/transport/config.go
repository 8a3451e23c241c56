package transport

import (
	"fmt"
	"net/netip"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// Config configures a Transport.
type Config struct {
	Listeners []Listener
	Receiver  txn.Receiver // required
	Events    telemetry.Listener

	MaxMessage        int // bytes; 0 means 64 KiB
	MaxFlows          int // WebSocket flows at once; 0 means 20 000
	MaxFlowsPerSource int // the same from one IPv4 address or IPv6 /64; 0 means 256

	// Allow says whether a datagram from src may be looked at; nil allows all. What it refuses hears nothing.
	Allow func(realm string, src netip.Addr) bool

	listen func(network string, at netip.AddrPort) (packetConn, error) // tests only
}

// Listener is one socket of a realm.
type Listener struct {
	Realm     string
	Network   string         // "udp"
	Addr      netip.AddrPort // port 0 picks one
	Advertise netip.AddrPort // what Via and Contact say; zero means Addr, port 0 means the bound port; needed when Addr is unspecified
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
	if cfg.Receiver == nil {
		return cfg, fmt.Errorf("%w: no receiver", ErrConfig)
	}
	for _, l := range cfg.Listeners {
		switch {
		case l.Network != "udp":
			return cfg, fmt.Errorf("%w: network %q", ErrConfig, l.Network)
		case !l.Addr.IsValid():
			return cfg, fmt.Errorf("%w: realm %s: no address", ErrConfig, l.Realm)
		case l.Addr.Addr().IsUnspecified() && !l.Advertise.Addr().IsValid():
			return cfg, fmt.Errorf("%w: realm %s: %s needs an address to advertise", ErrConfig, l.Realm, l.Addr)
		}
	}
	return cfg, nil
}
