package media

import (
	"unsafe"

	"drawbridge/media/fetch"
)

// Packets of a round come from calls in turn, and what a loop knows of a call has long left the processor's caches when its next packet
// comes. While one packet is served the calls of the next ones are therefore fetched, one pointer further at a time: a packet takes some
// microseconds, memory a tenth of one.

// headStart is how many events or datagrams before its own turn the first step for one is made. A round begins so much before its first.
const headStart = 5

// ahead fetches what the events behind event i of n will need.
func (l *loop) ahead(i, n int) {
	if i+5 < n {
		fetch.Value(l.socks[l.events[i+5].Fd])
	}
	l.legOf(i+4, n).fetch()
	l.legOf(i+3, n).fetchNear()
	l.legOf(i+2, n).fetchFar()
	l.legOf(i+1, n).fetchKeys()
}

// legOf is the leg whose RTP event k is; nil when it is something else, or behind the end.
func (l *loop) legOf(k, n int) *leg {
	if k < 0 || k >= n {
		return nil
	}
	if s := l.socks[l.events[k].Fd]; s != nil && s.kind == sockRTP {
		return s.leg
	}
	return nil
}

// aheadAt fetches what the datagrams behind datagram i of a browser socket's batch will need, which lies from first to end.
func (l *loop) aheadAt(d *door, i, first, end int) {
	if k := i + 5; k < end {
		_, src := l.in.datagram(k)
		l.guests[k] = d.known[src].leg // a guess: what it is in the end is found again when its turn comes
		l.guests[k].fetch()
	}
	if k := i + 4; k >= first && k < end && l.guests[k] != nil {
		fetch.Part(l.guests[k].session, 0, sessionEnd)
	}
	if k := i + 3; k >= first && k < end {
		l.mine(l.guests[k]).fetchNear()
	}
	if k := i + 1; k >= first && k < end {
		l.mine(l.guests[k]).fetchFar()
	}
}

// mine is a guest whose call is this loop's; nil for another's, which changes while it is looked at.
func (l *loop) mine(g *leg) *leg {
	if g == nil || g.session.owner.Load() != l {
		return nil
	}
	return g
}

// Where in a leg, in a session and in a relay lies what a packet needs.
const (
	legOut     = unsafe.Offsetof(leg{}.out)
	legIn      = unsafe.Offsetof(leg{}.in)
	legHeard   = unsafe.Offsetof(leg{}.latch) + unsafe.Offsetof(leg{}.latch.heard)
	sessionEnd = unsafe.Offsetof(Session{}.adopted)
	relayEnd   = unsafe.Offsetof(relay{}.codec)
)

// fetch fetches of a leg what receiving takes, but for its socket.
func (g *leg) fetch() {
	fetch.Part(g, 0, 1)
	fetch.Part(g, legIn, legHeard+1)
}

// fetchSend fetches of a leg what sending takes.
func (g *leg) fetchSend() { fetch.Part(g, 0, legIn) }

// fetchNear fetches what the leg points to.
func (g *leg) fetchNear() {
	if g == nil {
		return
	}
	fetch.Part(g.session, 0, sessionEnd)
	fetch.Value(g.crypt)
	fetch.Value(g.in.bursts)
	if r, ok := g.onward.(*relay); ok {
		fetch.Part(r, 0, relayEnd)
	}
}

// fetchFar fetches what that points to: keys, and the other leg.
func (g *leg) fetchFar() {
	if g == nil {
		return
	}
	if g.crypt != nil {
		g.crypt.in.Fetch()
	}
	if r, ok := g.onward.(*relay); ok {
		r.to.fetchSend()
	}
}

// fetchKeys fetches the other leg's keys, of which fetchFar has fetched where they are.
func (g *leg) fetchKeys() {
	if g == nil {
		return
	}
	if r, ok := g.onward.(*relay); ok && r.to.crypt != nil {
		r.to.crypt.out.Fetch()
	}
}
