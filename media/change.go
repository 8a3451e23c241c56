package media

import (
	"time"
)

// A peer that has answered with several codecs may change between them whenever it likes (RFC 3264 section 6.1): the payload type alone says so.
// Ours stays what it was.

// changeEvery is how often a peer may change: a change makes codecs. Chosen here.
const changeEvery = 100 * time.Millisecond

// mayChange tells whether a payload type is that of another agreed codec.
func (g *leg) mayChange(l *loop, pt uint8) bool {
	return g.st.Also.Has(pt) && l.now >= g.changed+int64(changeEvery)
}

// change gives the direction a path from the codec that the peer sends now, which mayChange has allowed. It is policed as that: an Opus that
// was one of several has lost what our SDP said of its rate, and may have the most there is.
func (g *leg) change(l *loop, pt uint8) {
	g.changed = l.now
	st := g.st
	st.Recv = st.Also.Swap(pt, st.Recv)
	g.agree(st)
	g.in.rebase(g.st.Recv.Clock)
	g.session.compose(l)
}
