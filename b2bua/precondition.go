package b2bua

import (
	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy"
	"drawbridge/sip/wire"
)

// reserver is a caller's leg that may have to reserve resources before anybody rings (RFC 3312 section 5).
type reserver interface {
	// reserve reports whether the caller is not ready yet, and the first time tells it that we are.
	reserve() bool
}

// proceed goes on to the callee, at once or when the caller has reserved what it needs. However often it says that it has not, it has the time
// that began with the first.
func (c *Call) proceed(first bool) {
	if r, ok := c.a.(reserver); ok && r.reserve() {
		if first {
			c.out.start(noLeg, ringTimer, lifetime)
		}
		return
	}
	c.out.stop(noLeg, ringTimer)
	c.phase = dialling
	c.tryNext()
}

// reserved takes a caller's next offer before the callee is called.
func (c *Call) reserved(ev moved) {
	c.out.do(Bind{media.A, ev.stream})
	c.proceed(false)
}

// reserve answers a caller whose preconditions are not met with a reliable 183, and waits for its UPDATE. Without 100rel there is no way
// to be told, so the call goes on.
func (l *sipLeg) reserve() bool {
	invite := l.uas.invite
	if !l.sdp.Waits() || !invite.HasOption("Supported", "100rel") && !invite.HasOption("Require", "100rel") {
		return false
	}
	if l.state == Trying {
		l.rel.on = true
		l.Ring(true)
	}
	return true
}

// confirm tells a callee that asked for it that our side is ready: an UPDATE behind the PRACK of its reliable 18x.
func (l *sipLeg) confirm(m *wire.Message) {
	f := l.forkOf(m.ToTag())
	if f == nil || f.confirmed || l.state != Early || m.Status >= 300 || l.reoffer.tx != 0 || !f.sdp.Confirms() {
		return
	}
	sdp, err := f.sdp.Offer(offer.SendRecv)
	if err != nil {
		return // its own offer is open: the answer to that says the same
	}
	f.confirmed = true
	l.follow(f)
	u := f.dlg.Request(wire.UPDATE)
	u.Add("Allow", allow)
	u.ContentType, u.Body = sdpType, sdp
	l.reoffer.begin(wire.UPDATE, f.sdp, l.send(u))
}

// noPreconditions refuses a browser that requires what only a trunk can mean.
func noPreconditions(r Realm, m *wire.Message) *policy.Decision {
	if r.Browsers && m.HasOption("Require", "precondition") {
		return &policy.Decision{Status: 420, Rule: "precondition/browser"}
	}
	return nil
}
