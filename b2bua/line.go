package b2bua

import (
	"strconv"

	"drawbridge/sip/txn"
)

// Signal takes one signal of an authenticated JSON line. It may be called from any goroutine; the signals of one call keep their order
// when one goroutine hands them in.
func (s *Switch) Signal(l Line, sig Signal) {
	shard, ours := s.cfg.Core.ShardOf(sig.Call)
	if !ours {
		shard = s.cfg.Core.ShardFor(strconv.FormatUint(l.ID(), 10) + "/" + sig.Call)
	}
	if sig.Type != SignalCall {
		s.cfg.Core.PostForced(shard, func(sh *txn.Shard) { s.heard(sh, l, sig) })
		return
	}
	if err := s.cfg.Core.Post(shard, func(sh *txn.Shard) { s.called(sh, l, sig) }); err != nil {
		l.Send(Signal{Type: SignalBye, Call: sig.Call, Status: 503, Reason: "overload"})
	}
}

// LineLost ends what used a JSON line. It may be called from any goroutine, after the line's last Signal.
func (s *Switch) LineLost(l Line) {
	id := l.ID()
	for shard := range s.books {
		s.cfg.Core.PostForced(shard, func(sh *txn.Shard) {
			for _, o := range s.books[sh.Index()].onLine(id) {
				if o.seat != nil {
					s.feed(o.seat, Lost{Leg: o.leg})
				}
			}
		})
	}
}

// called is where a call from a page begins.
func (s *Switch) called(sh *txn.Shard, l Line, sig Signal) {
	if sig.Call == "" || s.books[sh.Index()].lines[lineKey{l.ID(), sig.Call}] != nil {
		l.Send(Signal{Type: SignalError, Call: sig.Call, Status: 400, Reason: "call: id missing or in use"})
		return
	}
	v := s.view()
	setup := &Setup{Caller: v.account(l.User(), l.Realm()), From: l.User(), Line: l, Ref: sig.Call, SDP: []byte(sig.SDP)}
	var ok bool
	if setup.To, ok = dialledNumber(sig.To); !ok {
		setup.Refusal = noNumber
	}
	at := s.seat(sh, v)
	setup.ID = at.id
	s.feed(at, Invited{setup})
}

// heard finds the leg that a signal belongs to. A bye that crosses with ours is nobody's fault.
func (s *Switch) heard(sh *txn.Shard, l Line, sig Signal) {
	o := s.books[sh.Index()].lines[lineKey{l.ID(), sig.Call}]
	switch {
	case o != nil && o.seat != nil:
		s.feed(o.seat, Heard{o.leg, sig})
	case sig.Type != SignalBye:
		l.Send(Signal{Type: SignalError, Call: sig.Call, Status: 481, Reason: string(sig.Type) + ": no such call"})
	}
}
