package media

import (
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/media/offer"
	"drawbridge/telemetry"
)

// Session is the media of one call: two legs on one loop.
type Session struct {
	engine *Engine
	call   string
	notify func(Event)
	owner  atomic.Pointer[loop] // changes until the first verified check: to the loop where one is expected (steer.go), at last to the one where it arrives

	// For the owner only.
	legs    [2]*leg
	adopted bool // the owner is final
	coming  bool // the owner has yet to take over its sockets and timers
	talking bool // the call has been answered
	closed  bool

	mu      sync.Mutex
	pending []command // in the order they were given, wherever the session is by now
	ending  bool      // Close has been called
	room    [fewCommands]command
}

// command is what another goroutine wants of a session. It runs on the owner.
type command func(s *Session, l *loop)

// haste says when a command is served.
type haste uint8

const (
	inTime haste = iota // a turn of the loop later at the most (pace.go): nobody waits for it
	soon                // the owner is woken
	final               // soon, and nothing follows
)

// fewCommands is how many wait for the owner at most as a rule. Chosen here.
const fewCommands = 4

// Add allocates a leg's endpoint and returns what its SDP announces. Calling it again for the same leg releases the former
// endpoint (failover to a trunk in another realm). Errors: ErrNoPorts, ErrNoRealm, ErrClosed.
func (s *Session) Add(leg LegID, side Side) (offer.Local, error) {
	r := s.engine.realms.get(side.Realm)
	if r == nil || (side.Profile == offer.WebRTC && r.door < 0) || (side.Profile == offer.RTP && !r.cfg.Bind.IsValid()) {
		return offer.Local{}, ErrNoRealm
	}
	s.mu.Lock()
	ending := s.ending
	s.mu.Unlock()
	if ending {
		return offer.Local{}, ErrClosed
	}
	g := newLeg(s, leg, r, side.Profile)
	g.latch.prefixes, g.srtp, g.dtmf, g.silence = side.Prefixes, side.SRTP, side.DTMF, side.Inactivity
	local, err := g.allocate()
	if err != nil {
		return offer.Local{}, err
	}
	if !s.queue(func(s *Session, l *loop) { s.place(l, g) }, inTime) {
		g.abandon()
		return offer.Local{}, ErrClosed
	}
	return local, nil
}

// Bind gives a leg its negotiated stream, at first or after a re-offer (hold, resume, address or codec change). Keys, SSRC,
// clocks and latched addresses survive when the stream's identity (fingerprint) is the same. New ICE credentials of ours, after a restart, are
// valid beside the old ones. It takes effect between two batches, within 10 ms.
func (s *Session) Bind(leg LegID, st *offer.Stream) {
	s.queue(func(s *Session, l *loop) {
		if g := s.legs[leg]; g != nil {
			g.bind(l, *st)
			s.compose(l)
		}
	}, inTime)
}

// SendDTMF sends one digit (0-9 * # A-D) towards leg that the peer of the other leg has asked for by signalling; d 0 is the usual length.
// It goes the way that leg takes (Side.DTMF), behind those that wait, and comes to nothing when it has come in by another way as well.
// EventDTMF of the other leg follows. Dropped and counted when it cannot go.
func (s *Session) SendDTMF(leg LegID, digit byte, d time.Duration) {
	s.do(func(s *Session, l *loop) {
		if g := s.legs[leg]; g != nil {
			g.signalled(l, digit, d)
		}
	})
}

// Stats hands fn the counters of both legs as they are now: on a media goroutine, which it must not hold up, or at once and empty when the
// session has ended.
func (s *Session) Stats(fn func([2]LegStats)) {
	if !s.do(func(s *Session, l *loop) { fn(s.stats(l)) }) {
		fn([2]LegStats{})
	}
}

// stats are the counters of both legs.
func (s *Session) stats(l *loop) (stats [2]LegStats) {
	for i, g := range s.legs {
		if g != nil {
			stats[i] = g.stats(l)
		}
	}
	return stats
}

// Close releases sockets and ports and answers with one EventClosed. It may be called once or more.
func (s *Session) Close() { s.queue((*Session).end, final) }

// do queues a command that somebody waits for; false when Close came first.
func (s *Session) do(c command) bool { return s.queue(c, soon) }

// queue appends one command; false when Close came first.
func (s *Session) queue(c command, when haste) bool {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		return false
	}
	s.ending = when == final
	s.pending = append(s.pending, c)
	first := len(s.pending) == 1
	s.mu.Unlock()
	if first || when != inTime {
		s.summon(when)
	}
	return true
}

// summon has the owner serve what is pending; to be summoned twice does no harm. A session whose loop has ended is served at once, on the
// caller's goroutine.
func (s *Session) summon(when haste) {
	for {
		switch l := s.owner.Load(); {
		case l.enlist(s):
			l.call(when)
			return
		case l == s.owner.Load(): // and stays so: a loop that has ended gives nothing away
			l.serveLate(s)
			return
		}
	}
}

// serve runs the queued commands on the owner.
func (s *Session) serve(l *loop) {
	var few [fewCommands]command
	s.mu.Lock()
	all := append(few[:0], s.pending...)
	clear(s.pending)
	s.pending = s.pending[:0]
	s.mu.Unlock()
	for _, c := range all {
		c(s, l)
	}
	s.anticipate(l)
}

// place puts a new endpoint in the leg's seat.
func (s *Session) place(l *loop, g *leg) {
	if s.closed || l.stopped {
		g.abandon()
		return
	}
	if old := s.legs[g.id]; old != nil {
		old.leave(l)
	}
	s.legs[g.id] = g
	l.sessions[s] = struct{}{}
	g.arrive(l)
	s.compose(l)
}

// end closes both legs and says so. It is the one place where a session ends.
func (s *Session) end(l *loop) {
	if s.closed {
		return
	}
	s.closed = true
	stats := s.stats(l)
	for _, g := range s.legs {
		if g != nil {
			g.leave(l)
		}
	}
	delete(l.sessions, s)
	s.engine.open.Add(-1)
	s.notify(Event{Kind: EventClosed, Stats: stats})
}

// tell reports an event of a leg, unless the session has ended.
func (s *Session) tell(ev Event) {
	if !s.closed {
		s.notify(ev)
	}
}

// stage reports that a leg's media has passed a stage: to the call, and once to telemetry.
func (s *Session) stage(kind EventKind, leg LegID, name string) {
	s.tell(Event{Kind: kind, Leg: leg})
	s.engine.cfg.Events.EmitMediaUp(telemetry.MediaUp{Call: s.call, Leg: leg.String(), Stage: name, At: time.Now()})
}
