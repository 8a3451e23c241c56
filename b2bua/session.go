package b2bua

import (
	"time"

	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// sessionState is the session timer of one leg (RFC 4028). Each leg has its own; the other one never hears of it.
type sessionState struct {
	wish   dialog.SessionTimer
	timer  dialog.SessionTimer // as agreed
	fields []wire.Field        // for our next 2xx, or for a 422
}

// want sets the interval we ask for; negative asks for none.
func (s *sessionState) want(d time.Duration) { s.wish.Interval = max(d, 0) }

// offer puts our wish into a new INVITE.
func (s *sessionState) offer(m *wire.Message) { s.wish.Offer(m) }

// accept settles the timer as UAS: 0, or the status that refuses the request. A peer without the extension that asks for nothing gets
// nothing: browsers of that kind do not survive a re-INVITE every quarter of an hour any better than none.
func (s *sessionState) accept(req *wire.Message) int {
	wish := s.wish
	if !req.HasOption("Supported", "timer") && !req.HasOption("Require", "timer") {
		wish.Interval = 0
	}
	timer, fields, status := wish.Answer(req)
	s.fields = fields
	if status == 0 {
		s.timer = timer
	}
	return status
}

// learn settles the timer as UAC from a 2xx.
func (s *sessionState) learn(resp *wire.Message) { s.timer = s.wish.Learn(resp) }

// raise obeys a 422.
func (s *sessionState) raise(resp *wire.Message) bool {
	next, ok := s.wish.Raise(resp)
	if ok {
		s.wish = next
	}
	return ok
}

// run starts the session's timers anew, after the INVITE and after each refresh.
func (s *sessionState) run(l *sipLeg) {
	l.stop(l.id, sessionTimer, expiryTimer)
	if s.timer.Refresher == dialog.NoRefresher || s.timer.Interval <= 0 {
		return
	}
	if s.timer.Refresher == dialog.Us {
		l.start(l.id, sessionTimer, s.timer.RefreshAfter())
	}
	l.start(l.id, expiryTimer, s.timer.ExpireAfter())
}

// refresh sends our refresh: UPDATE when the peer serves it, else a re-INVITE that repeats the last SDP byte for byte. While the leg
// is busy with another exchange it waits for the next chance.
func (l *sipLeg) refresh() {
	switch {
	case l.state != Confirmed:
		return
	case l.reoffer.tx != 0 || l.repeat.tx != 0:
		l.start(l.id, glareTimer, l.backoff())
		return
	}
	method := wire.INVITE
	if l.takes(wire.UPDATE) && !l.reoffer.noUpdate {
		method = wire.UPDATE
	}
	m := l.dlg.Request(method)
	m.Add("Allow", allow)
	l.session.timer.Offer(m)
	var on *offer.Machine
	if method == wire.INVITE {
		on = l.sdp
		sdp, err := l.sdp.Offer(l.direction())
		if err != nil {
			return // an offer of ours is open: its outcome decides
		}
		m.ContentType, m.Body = sdpType, sdp
	}
	l.reoffer.begin(method, on, l.send(m))
}

// expired ends a session that nobody has refreshed (RFC 4028 section 10).
func (l *sipLeg) expired() []Event {
	if l.state != Confirmed {
		return nil
	}
	l.bye(causeExpired)
	return l.ended(causeExpired)
}
