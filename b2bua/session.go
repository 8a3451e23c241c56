package b2bua

import (
	"strings"
	"time"

	"drawbridge/media/offer"
	"drawbridge/policy/profile"
	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// sessionState is the session timer of one leg (RFC 4028). Each leg has its own; the other one never hears of it.
type sessionState struct {
	wish   dialog.SessionTimer
	timer  dialog.SessionTimer // as agreed
	fields []wire.Field        // for our next 2xx, or for a 422
	mode   string              // of the peer's profile: on (or ""), off, require
}

// want sets the interval we ask for; negative asks for none. The peer's profile may want another one, or say who is to refresh.
func (s *sessionState) want(d time.Duration, p *profile.Profile) {
	s.wish.Interval = max(d, 0)
	if p == nil {
		return
	}
	s.mode = p.Call.Timer
	if p.Call.TimerSE > 0 {
		s.wish.Interval = time.Duration(p.Call.TimerSE) * time.Second
	}
	switch p.Call.Refresher {
	case "us":
		s.wish.Refresher = dialog.Us
	case "peer":
		s.wish.Refresher = dialog.Peer
	}
	if s.mode == "off" {
		s.wish = dialog.SessionTimer{}
	}
}

// offer puts our wish into a new INVITE.
func (s *sessionState) offer(m *wire.Message) {
	switch s.mode {
	case "off":
		drop(m, "Supported", "timer")
		return
	case "require":
		if !m.HasOption("Require", "timer") {
			m.Add("Require", "timer")
		}
	}
	s.wish.Offer(m)
}

// drop takes an item out of a list header.
func drop(m *wire.Message, header, item string) {
	var kept []string
	for v := range strings.SplitSeq(strings.Join(m.Values(header), ","), ",") {
		if v = strings.TrimSpace(v); v != "" && !strings.EqualFold(v, item) {
			kept = append(kept, v)
		}
	}
	m.Del(header)
	if len(kept) > 0 {
		m.Add(header, strings.Join(kept, ", "))
	}
}

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
	method := l.refreshMethod()
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

// refreshMethod is what refreshes the session: UPDATE with a peer that serves it, unless its profile says otherwise.
func (l *sipLeg) refreshMethod() wire.Method {
	by := ""
	if p := l.party.Profile; p != nil {
		by = p.Call.TimerBy
	}
	switch {
	case l.reoffer.noUpdate, by == "invite":
		return wire.INVITE
	case by == "update", l.takes(wire.UPDATE):
		return wire.UPDATE
	}
	return wire.INVITE
}

// expired ends a session that nobody has refreshed (RFC 4028 section 10).
func (l *sipLeg) expired() []Event {
	if l.state != Confirmed {
		return nil
	}
	l.bye(causeExpired)
	return l.ended(causeExpired)
}
