package media

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"drawbridge/telemetry"
)

// Config configures an Engine.
type Config struct {
	Loops  int              // event loops; 0 means GOMAXPROCS
	Realms map[string]Realm // by name
	Events telemetry.Listener
	Log    *slog.Logger // nil means slog.Default

	// Spare hears from Run, at most once a second, how many loops carry media: each of them holds a P nearly all the time, although it
	// mostly waits (pace.go), so the rest of the program needs more. nil when nothing is to be done.
	Spare func(busy int)
}

// Realm is the media side of one realm.
type Realm struct {
	WebRTC        []netip.AddrPort // browser sockets, concrete addresses (one SO_REUSEPORT socket a loop each); empty: no browsers here; port 0 picks one
	Bind          netip.Addr       // local address of the RTP/RTCP pairs
	Advertise     netip.Addr       // announced instead of the bound address; zero: the bound one
	PortMin       uint16           // RTP ports, even = RTP, odd = RTCP; 0 with PortMax 0: the kernel picks
	PortMax       uint16
	DSCP          DSCP          // of what leaves
	Police        bool          // drop what peers send beyond what was negotiated
	Opus          Opus          // towards this side
	Inactivity    time.Duration // a peer whose media is due and does not come ends the call after it; 0 or less: never
	AllowLoopback bool          // peers may announce loopback addresses (demo, tests)
}

// DSCP are the differentiated services code points (RFC 2474) of a realm's packets, 0 to 63. Audio is that of everything on an RTP port or a
// browser socket, muxed RTCP included (RFC 8837 section 5); RTCP is that of the ports that carry nothing else.
type DSCP struct{ Audio, RTCP uint8 }

// Chosen here.
const (
	batchSize  = 64      // datagrams a system call moves at most, and slots a loop has
	slotSize   = 2048    // bytes of a slot: an Ethernet frame with room for tags behind it
	tailRoom   = 64      // kept free behind a datagram for the SRTP tag and the SRTCP index
	sharedRecv = 4 << 20 // SO_RCVBUF of a browser socket: 80 ms of 20 000 packets/s while the loop is away

	portRest = 2 * time.Second // a freed port pair rests this long, so that a late packet of the former call meets nobody

	consentLimit   = 30 * time.Second // RFC 7675 section 5.1, seen from the side that only answers
	handshakeLimit = 10 * time.Second // T18
	maxHandshakes  = 256              // running at once, engine-wide
	maxTries       = 5                // handshakes that may fail on one leg before it is reported dead
	guestSilence   = 15 * time.Second // without a check a source may become another leg's: browsers check every 2.5 s, and some pause for 10
	guestTrial     = 2 * time.Second  // a browser's ClientHello follows its first check at once; a lost one is repeated twice in this time
	pairSilence    = 3 * time.Second  // without check and media a nominated pair is left for another: browsers check what they use every 2.5 s
	overtaken      = 3                // checks of another pair since the last one of the pair in use: a browser that has left that one
	maxPairs       = 8                // verified 5-tuples of one leg; browsers use two to four
	recentChecks   = 16               // whose sources a leg remembers: 10 s of a browser with four pairs, 40 of one with a single pair
	maxDigits      = 64               // queued by SendDTMF on one leg
)

func (c Config) defaults() Config {
	if c.Loops <= 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// validate checks what New cannot mend. Browser sockets need concrete addresses: a wildcard socket answers from the wrong source.
func (c Config) validate() error {
	for name, r := range c.Realms {
		for _, a := range r.WebRTC {
			if !a.Addr().IsValid() || a.Addr().IsUnspecified() {
				return fmt.Errorf("realm %s: browser address %s: %w", name, a, ErrWildcard)
			}
		}
		if r.PortMax < r.PortMin || (r.PortMin == 0) != (r.PortMax == 0) {
			return fmt.Errorf("realm %s: ports %d-%d: %w", name, r.PortMin, r.PortMax, ErrPortRange)
		}
	}
	return nil
}
