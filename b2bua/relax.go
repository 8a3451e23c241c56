package b2bua

import (
	"strings"

	"drawbridge/sip/wire"
)

// origin is what is left of the caller's INVITE once the call has long been up: what the far side of a transfer may see of it.
type origin struct {
	hops    int
	display string
	private bool
}

func originOf(invite *wire.Message, private bool) origin {
	return origin{hops: invite.MaxForwards, display: strings.Clone(invite.From.Display), private: private}
}

// private reports whether the caller has asked not to be named.
func (c *Call) private() bool {
	return c.origin.private || c.setup.Told != nil && c.setup.Told.Private
}

// tell puts it into an INVITE that stands for the caller's.
func (a origin) tell(m *wire.Message) {
	if a.hops > 0 {
		m.MaxForwards = a.hops
	}
	m.From.Display = a.display
	if a.private {
		m.Add("Privacy", "id")
	}
}

// relax lets go of what only the setup of a call has needed: candidates, the INVITEs and their answers, forks, early media. It comes half
// a minute after the callee's 2xx, when no copy of it can follow; what an hour of talking keeps is dialogs and the session.
func (c *Call) relax() {
	if c.phase != talking || c.swap.on {
		return
	}
	c.hunt = nil
	c.out.acts, c.out.spare = nil, nil
	if len(c.out.ticks) == 0 {
		c.out.ticks = nil
	}
	if c.setup.Invite != nil {
		c.origin = originOf(c.setup.Invite, c.private())
		c.setup.Invite, c.setup.Told, c.setup.Parts, c.setup.Names = nil, nil, nil, nil
	}
	for _, leg := range c.legs {
		if l, ok := leg.(*sipLeg); ok {
			l.relax()
		}
	}
}

func (l *sipLeg) relax() {
	if l.state != Confirmed || l.repeat.tx != 0 {
		return
	}
	l.uas, l.uac = nil, nil
	l.allows = strings.Clone(l.allows)
	l.dlg.Pack()
	l.sdp.Forget()
}

// relax lets go of what only the setup of the call has needed. No 2xx to its INVITE can come any more.
func (at *seat) relax() {
	at.call.relax()
	if len(at.servers) == 0 {
		at.servers = nil
	}
	if len(at.clients) == 0 {
		at.clients = nil
	}
	if !at.alarm.Active() {
		at.ring = nil
	}
}
