package media

import (
	"time"

	"drawbridge/media/offer"
)

// A peer that has answered with two codecs may change between them whenever it likes (RFC 3264 section 6.1): the payload type alone says so.
// Ours stays what it was.

// changeEvery is how often a peer may change: a change makes codecs. Chosen here.
const changeEvery = 100 * time.Millisecond

// mayChange tells whether a payload type is that of the other agreed codec.
func (g *leg) mayChange(l *loop, pt uint8) bool {
	return g.st.Also != "" && pt == g.st.AlsoPT && l.now >= g.changed+int64(changeEvery)
}

// change gives the direction a path from the codec that the peer sends now.
func (g *leg) change(l *loop) {
	g.changed = l.now
	next, ok := offer.Lookup(g.st.Also)
	if !ok {
		return
	}
	next.PT = g.st.AlsoPT
	st := g.st
	st.Also, st.AlsoPT, st.Recv = st.Recv.Name, st.Recv.PT, next
	g.agree(st)
	g.in.rebase(g.st.Recv.Clock)
	g.session.compose(l)
}
