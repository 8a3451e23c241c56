package media

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/transcode"

	"golang.org/x/sync/errgroup"
)

// Engine is the media plane: per-core event loops that own every media socket. Its exported methods may be called from any goroutine.
type Engine struct {
	cfg        Config
	start      time.Time // loops count nanoseconds from here
	loops      []*loop
	realms     realms
	doors      []netip.AddrPort // browser addresses; the index is the same in every loop
	steered    bool             // which loop a browser's packets come to is told by its port
	files      *files
	closed     closures
	cert       atomic.Pointer[certificate] // of new legs
	handshakes handshakes                  // that have a token
	pool       chan struct{}               // a token per running DTLS handshake
	hands      sync.WaitGroup

	mu      sync.RWMutex
	ufrags  map[string]*credential    // our ICE user fragments; read once per STUN message
	remotes map[netip.AddrPort]uint32 // RTP peers announced or learnt by some leg, with the number of legs: nobody else may latch there
	next    atomic.Uint32             // spreads sessions over loops
	ended   atomic.Bool               // Run has returned
	open    atomic.Int64              // sessions
	shaking atomic.Int64              // handshakes running

	transcodes atomic.Int64 // directions

	encoders transcode.Pool // a leg that ends leaves its encoder to the next

	reported [numDrops]uint64 // what has become events; for report
	busy     int              // loops that carried media when spare looked last
}

// realm is a Realm with its sockets and ports.
type realm struct {
	name  string
	cfg   Realm
	ports *ports
	door  int // index in Engine.doors of the address that is announced; -1: no browsers here
}

// New opens the browser sockets and prepares the loops. Errors: ErrWildcard, ErrPortRange, or the socket's.
func New(cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.defaults()
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, start: time.Now(), steered: cfg.Loops > 1,
		pool:    make(chan struct{}, maxHandshakes),
		ufrags:  make(map[string]*credential),
		remotes: make(map[netip.AddrPort]uint32),
	}
	e.cert.Store(cert)
	e.files = newFiles(func() { e.clearPorts(0, math.MaxInt) })
	if err := e.openLoops(); err != nil {
		e.release()
		return nil, err
	}
	if err := e.openRealms(cfg.Realms); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

func (e *Engine) openLoops() error {
	for i := range e.cfg.Loops {
		l, err := newLoop(e, i)
		if err != nil {
			return err
		}
		e.loops = append(e.loops, l)
	}
	return nil
}

// openRealm binds each browser address once a loop and prepares the port range.
func (e *Engine) openRealm(name string, cfg Realm) (*realm, error) {
	r := &realm{name: name, cfg: cfg, ports: e.newPorts(cfg), door: -1}
	for _, addr := range cfg.WebRTC {
		index := len(e.doors)
		if err := vacantAddr(addr); err != nil {
			return nil, err
		}
		var last int
		for _, l := range e.loops {
			fd, bound, err := openShared(addr, len(e.loops) > 1, cfg.DSCP.Audio)
			if err != nil {
				return nil, fmt.Errorf("browser socket %s: %w", addr, err)
			}
			addr = bound // port 0 is chosen once, by the first loop
			if err := l.addDoor(fd, bound, r); err != nil {
				return nil, err
			}
			last = fd
		}
		e.checkRoom(last, addr)
		e.steered = e.steered && steer(last, addr, len(e.loops)) == nil
		e.doors = append(e.doors, addr)
		if r.door < 0 {
			r.door = index
		}
	}
	return r, nil
}

// checkRoom tells the operator when the system has given a browser socket less room than the busiest hour needs: packets would be lost while a
// loop is away.
func (e *Engine) checkRoom(fd int, addr netip.AddrPort) {
	if room := recvRoom(fd); room < sharedRecv {
		e.cfg.Log.Warn("browser socket has little room: raise net.core.rmem_max, or grant CAP_NET_ADMIN", "address", addr, "bytes", room, "wanted", sharedRecv)
	}
}

// release closes what New opened when New or Run ends.
func (e *Engine) release() {
	e.clearPorts(0, math.MaxInt)
	for _, l := range e.loops {
		l.release()
	}
}

// Run drives the loops until ctx ends; it returns when all of them and the DTLS pool have ended. Sessions that are still open are
// closed and hear their EventClosed first.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range e.loops {
		g.Go(func() error { return l.run(ctx) })
	}
	g.Go(func() error { return e.summarise(ctx) })
	g.Go(func() error { return e.rotate(ctx, certificateLife) })
	err := g.Wait()
	e.ended.Store(true)
	e.hands.Wait() // loops have let go of every handshake
	e.release()
	e.report()
	return err
}

// Open makes a media session for one call. notify is called from media goroutines, never after the Closed event; it must not block.
func (e *Engine) Open(call string, notify func(Event)) *Session {
	s := &Session{engine: e, call: call, notify: notify}
	s.pending = s.room[:0]
	s.owner.Store(e.loops[int(e.next.Add(1))%len(e.loops)])
	e.open.Add(1)
	return s
}

// Fingerprint is the SHA-256 fingerprint of the DTLS certificate that new legs get, as SDP writes it.
func (e *Engine) Fingerprint() string { return e.cert.Load().fingerprint }

// Addrs are the browser addresses of a realm, with the ports that were bound.
func (e *Engine) Addrs(realm string) []netip.AddrPort {
	r := e.realms.get(realm)
	if r == nil || r.door < 0 {
		return nil
	}
	return e.doors[r.door : r.door+len(r.cfg.WebRTC)]
}

// now is nanoseconds since New, from the monotonic clock.
func (e *Engine) now() int64 { return int64(time.Since(e.start)) }

// claim notes that a leg expects media from addr; disclaim takes it back.
func (e *Engine) claim(addr netip.AddrPort) {
	if !addr.IsValid() {
		return
	}
	e.mu.Lock()
	e.remotes[addr]++
	e.mu.Unlock()
}

func (e *Engine) disclaim(addr netip.AddrPort) {
	if !addr.IsValid() {
		return
	}
	e.mu.Lock()
	if e.remotes[addr]--; e.remotes[addr] == 0 {
		delete(e.remotes, addr)
	}
	e.mu.Unlock()
}

// claimed tells whether some leg already has addr as its peer.
func (e *Engine) claimed(addr netip.AddrPort) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.remotes[addr] > 0
}
