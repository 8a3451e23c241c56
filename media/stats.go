package media

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/telemetry"
)

// Drop is why a datagram went no further. It indexes an array of counters: the packet path looks up no label.
type Drop uint8

const (
	Delivered           Drop = iota
	DropUnknown              // first byte belongs to no protocol of RFC 7983, or the wrong one for this socket
	DropMalformed            // not a whole RTP packet
	DropSource               // RTP from somebody who is not the peer
	DropAuth                 // SRTP tag wrong
	DropReplay               // SRTP or RTP sequence number seen before, or too old
	DropEarly                // SRTP before keys
	DropPayloadType          // not negotiated
	DropSSRC                 // too many sources in one stream
	DropHeld                 // the direction is held
	DropUnbound              // nothing negotiated yet, or no other leg
	DropRTCP                 // malformed RTCP
	DropSTUN                 // malformed STUN, or not a Binding request
	DropSTUNUser             // STUN for nobody here
	DropSTUNIntegrity        // MESSAGE-INTEGRITY or FINGERPRINT wrong
	DropDTLSUnvalidated      // DTLS from a source without a verified check
	DropDTLSState            // DTLS that no handshake waits for
	DropDTLSClear            // an alert in clear, or anything else that no handshake has in clear
	DropDTLSBusy             // too many handshakes
	DropDTLSFingerprint      // certificate is not the one of the SDP
	DropDTLSHandshake        // handshake failed
	DropHandover             // another loop's queue is full
	DropSend                 // the kernel refused to send
	DropDigit                // telephone-event that the far side did not negotiate, or a malformed one
	DropTarget               // the peer announced an address that the realm forbids
	DropCodec                // payload that the codec refused
	DropEnded                // from a browser whose call has just ended
	DropPolice               // more than was negotiated
	DropSTUNReplay           // a check that has come from another source before
	DropLate                 // waited too long to be transcoded
	numDrops
)

// dropKinds are the words for metrics and events. refused marks those that are an event of their own: somebody was turned away.
var dropKinds = [numDrops]struct {
	name    string
	refused bool
}{
	Delivered:           {"delivered", false},
	DropUnknown:         {"media-unknown", true},
	DropMalformed:       {"rtp-malformed", true},
	DropSource:          {"rtp-source", true},
	DropAuth:            {"srtp-auth", true},
	DropReplay:          {"srtp-replay", true},
	DropEarly:           {"srtp-early", false},
	DropPayloadType:     {"rtp-pt", false},
	DropSSRC:            {"rtp-ssrc", true},
	DropHeld:            {"rtp-held", false},
	DropUnbound:         {"rtp-unbound", false},
	DropRTCP:            {"rtcp-malformed", true},
	DropSTUN:            {"stun-malformed", true},
	DropSTUNUser:        {"stun-user", true},
	DropSTUNIntegrity:   {"stun-integrity", true},
	DropDTLSUnvalidated: {"dtls-unvalidated", true},
	DropDTLSState:       {"dtls-state", false},
	DropDTLSClear:       {"dtls-clear", true},
	DropDTLSBusy:        {"dtls-busy", true},
	DropDTLSFingerprint: {"dtls-fingerprint", true},
	DropDTLSHandshake:   {"dtls-handshake", true},
	DropHandover:        {"media-handover", false},
	DropSend:            {"media-send", false},
	DropDigit:           {"dtmf-refused", false},
	DropTarget:          {"rtp-target", true},
	DropCodec:           {"codec-refused", false},
	DropEnded:           {"media-ended", false},
	DropPolice:          {"rtp-police", true},
	DropSTUNReplay:      {"stun-replay", true},
	DropLate:            {"media-late", false},
}

// String is the kind in metrics and events.
func (d Drop) String() string { return dropKinds[d].name }

// counters are a loop's own. Its goroutine writes them, anybody reads.
type counters struct {
	drop     [numDrops]atomic.Uint64
	in, out  atomic.Uint64 // authentic RTP packets
	policed  atomic.Uint64 // bytes of payload that were more than negotiated
	rtcp     [numRTCPKinds]atomic.Uint64
	busy     atomic.Bool   // carries media, see pace.go
	lateNow  atomic.Int64  // nanoseconds, the latest in this second
	lateMax  atomic.Int64  // the same in the second before
	lateMean atomic.Int64  // nanoseconds, moving mean
	full     atomic.Uint64 // datagrams lost in full buffers of sockets that are closed

	sampled [numDrops]atomic.Bool // an example is waiting to be reported
	mu      sync.Mutex
	sample  [numDrops]sample
}

// sample is one example of what a burst of drops was about.
type sample struct {
	source netip.AddrPort
	realm  string
	call   string
}

// drop counts what became of a datagram; the first refusal of a kind in each second leaves an example.
func (l *loop) drop(d Drop, src netip.AddrPort, g *leg) {
	if d == Delivered {
		return
	}
	l.count.drop[d].Add(1)
	if g != nil {
		g.vigil.refuse(d, l.now)
	}
	if dropKinds[d].refused || d == DropPayloadType {
		l.flooded(d, src, g)
	}
	if !dropKinds[d].refused || l.count.sampled[d].Swap(true) {
		return
	}
	s := sample{source: src}
	if g != nil {
		s.realm, s.call = g.realm.name, g.session.call
	}
	l.count.mu.Lock()
	l.count.sample[d] = s
	l.count.mu.Unlock()
}

// publish adds what a round has passed to the counters: to add a packet at a time would have the processor wait for all that it has in hand.
func (l *loop) publish() {
	if l.rtpIn > 0 || l.rtpOut > 0 {
		l.count.in.Add(l.rtpIn)
		l.count.out.Add(l.rtpOut)
		l.rtpIn, l.rtpOut = 0, 0
	}
}

// late notes how long after its due time the loop came to a timer.
func (l *loop) late(d int64) {
	if d > l.count.lateNow.Load() {
		l.count.lateNow.Store(d)
	}
	mean := l.count.lateMean.Load()
	l.count.lateMean.Store(mean + (d-mean)/16)
}

// Stats is the state of the media plane for metrics and admission. Counters only grow.
type Stats struct {
	Sessions   int
	Sockets    int            // pair sockets open
	Resting    int            // RTP sockets that no call has, kept for the next ones
	Ports      map[string]int // pairs in use by realm
	Handshakes int            // running
	Transcodes int            // directions that are decoded and encoded
	Drops      map[string]uint64
	Policed    uint64            // bytes of payload that peers sent beyond what was negotiated
	RTCP       map[string]uint64 // packets that came, by what they were about
	Loops      []LoopStats
}

// LoopStats is one event loop.
type LoopStats struct {
	PacketsIn, PacketsOut uint64        // RTP
	KernelDrops           uint64        // lost because a socket's buffer was full; those of calls when they end
	LateMean, LateMax     time.Duration // scheduled to served; LateMax in the last whole second
}

// Stats reads the counters. It is for scraping, not for the packet path.
func (e *Engine) Stats() Stats {
	st := Stats{
		Sessions: int(e.open.Load()), Handshakes: int(e.shaking.Load()), Transcodes: int(e.transcodes.Load()),
		Ports: make(map[string]int, len(e.realms.all())), Drops: make(map[string]uint64, numDrops),
		RTCP: make(map[string]uint64, numRTCPKinds),
	}
	for name, r := range e.realms.all() {
		n := r.ports.inUse()
		st.Ports[name] = n
		st.Sockets += n + int(r.ports.rtcp.Load())
		st.Resting += r.ports.atRest()
	}
	for d := Delivered + 1; d < numDrops; d++ {
		st.Drops[d.String()] = e.dropped(d)
	}
	for _, l := range e.loops {
		for kind := range l.count.rtcp {
			st.RTCP[rtcpKinds[kind]] += l.count.rtcp[kind].Load()
		}
		ls := LoopStats{
			PacketsIn: l.count.in.Load(), PacketsOut: l.count.out.Load(),
			LateMean: time.Duration(l.count.lateMean.Load()), LateMax: time.Duration(l.count.lateMax.Load()), KernelDrops: l.count.full.Load(),
		}
		st.Policed += l.count.policed.Load()
		for _, d := range l.doors {
			if !e.ended.Load() {
				ls.KernelDrops += uint64(kernelDrops(d.fd))
			}
		}
		st.Loops = append(st.Loops, ls)
	}
	return st
}

// LateMeans appends how late each loop is on average, which is less work than all Stats.
func (e *Engine) LateMeans(room []time.Duration) []time.Duration {
	for _, l := range e.loops {
		room = append(room, time.Duration(l.count.lateMean.Load()))
	}
	return room
}

// Sessions is how many sessions are open.
func (e *Engine) Sessions() int { return int(e.open.Load()) }

func (e *Engine) dropped(d Drop) (n uint64) {
	for _, l := range e.loops {
		n += l.count.drop[d].Load()
	}
	return n
}

// summarise turns refusals into events, one per second and kind at most, and asks for Ps, until ctx ends.
func (e *Engine) summarise(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			e.report()
			e.spare()
			e.turnSecond()
			e.clearPorts(restLife, clearBatch)
		}
	}
}

// turnSecond begins a new second of lateness. One goroutine calls it.
func (e *Engine) turnSecond() {
	for _, l := range e.loops {
		l.count.lateMax.Store(l.count.lateNow.Swap(0))
	}
}

// spare tells the program how many loops carry media, when that has changed. One goroutine calls it.
func (e *Engine) spare() {
	busy := 0
	for _, l := range e.loops {
		if l.count.busy.Load() {
			busy++
		}
	}
	if busy != e.busy && e.cfg.Spare != nil {
		e.cfg.Spare(busy)
	}
	e.busy = busy
}

// report emits what has been refused since it was called last. One goroutine calls it.
func (e *Engine) report() {
	for d := Delivered + 1; d < numDrops; d++ {
		n := e.dropped(d)
		if !dropKinds[d].refused || n == e.reported[d] {
			continue
		}
		s := e.example(d)
		e.cfg.Events.EmitRefused(telemetry.Refused{
			Kind: d.String(), Realm: s.realm, Source: sourceText(s.source), Call: s.call, Count: n - e.reported[d],
		})
		e.reported[d] = n
	}
}

// example takes the samples of a kind from all loops and returns one.
func (e *Engine) example(d Drop) (s sample) {
	for _, l := range e.loops {
		if l.count.sampled[d].Load() {
			l.count.mu.Lock()
			s = l.count.sample[d]
			l.count.mu.Unlock()
			l.count.sampled[d].Store(false)
		}
	}
	return s
}

func sourceText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
