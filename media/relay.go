package media

import (
	"strings"

	"drawbridge/media/offer"
	"drawbridge/transcode"
)

// path carries one direction of a call. It is composed when both legs are bound and swapped between two batches; per packet nothing
// is looked up.
type path interface {
	// forward takes an authentic audio packet.
	forward(l *loop, p *packet) Drop
	// number is the outgoing sequence number of an event packet, which takes the place of audio; false when it is too late.
	number(l *loop, p *packet) (uint16, bool)
	// skip leaves out an event packet that does not go on.
	skip(l *loop, p *packet)
	// stamp is the outgoing timestamp that belongs to p's.
	stamp(l *loop, p *packet) uint32
	// pause forgets the position in the incoming stream: what was left out shall not look like loss.
	pause()
	// fits tells whether the path is the one for these streams still.
	fits(from, to offer.Stream) bool
	// close gives back codecs.
	close()
}

// clocked is a path that the loop's clock drives.
type clocked interface {
	tick(l *loop, t *timer)
}

// compose gives both directions their paths, once both legs are bound. A path that fits still stays as it is.
func (s *Session) compose(l *loop) {
	for i, from := range s.legs {
		to := s.legs[1-i]
		if from == nil || to == nil || !from.bound || !to.bound {
			continue
		}
		if from.onward != nil && from.onward.fits(from.st, to.st) {
			continue
		}
		p, err := newPath(from, to)
		if err != nil {
			from.fail("codec")
			p = nil // not a path that is nil inside
		}
		from.setPath(l, p)
	}
}

// setPath swaps the path; nil stops media of this direction.
func (g *leg) setPath(l *loop, p path) {
	if g.onward != nil {
		g.onward.close()
	}
	l.disarm(&g.timers[timerPlay])
	g.onward = p
}

// newPath chooses the cheapest way from one codec to the other.
func newPath(from, to *leg) (path, error) {
	in, out := from.st.Recv, to.st.Send
	switch {
	case sameCodec(in, out):
		return &relay{from: from, to: to, codec: in, length: lengthOf(to.st), ear: newEar(from, in.Name, 0)}, nil
	case isG711(in) && isG711(out):
		return &relay{
			from: from, to: to, codec: in, length: lengthOf(to.st), ear: newEar(from, in.Name, 0), table: g711Table(in.Name), becomes: out,
		}, nil
	}
	return newTranscoder(from, to)
}

// sameCodec compares what RFC 3264 calls the same format; channels of Opus say nothing.
func sameCodec(a, b offer.Codec) bool {
	return a.Name != "" && strings.EqualFold(a.Name, b.Name) && a.Clock == b.Clock
}

func isG711(c offer.Codec) bool {
	return c.Clock == 8000 && (strings.EqualFold(c.Name, "PCMU") || strings.EqualFold(c.Name, "PCMA"))
}

// g711Table maps payload bytes of one law to the other law.
func g711Table(from string) *[256]byte {
	t := new([256]byte)
	for i := range t {
		if strings.EqualFold(from, "PCMU") {
			t[i] = transcode.ALawEncode(transcode.ULawDecode(byte(i)))
		} else {
			t[i] = transcode.ULawEncode(transcode.ALawDecode(byte(i)))
		}
	}
	return t
}

// relay passes packets on without a buffer: own source, sequence numbers and timestamps shifted by a constant, so that gaps and
// markers stay what they were.
type relay struct {
	from   *leg
	to     *leg
	ear    *ear
	table  *[256]byte // nil: the payload passes as it is
	length length
	odd    int // packets in a row that the far side does not want so long, or so short

	anchored bool
	shift    int64  // outgoing number less incoming extended one, less out.skew
	tsShift  uint32 // outgoing timestamp less incoming one
	newest   int64  // newest incoming number
	floor    int64  // older numbers would be sent under a number that is used: they are too late
	skew     int64  // out.skew as it was for the last packet

	codec   offer.Codec // from here on nothing that every packet needs
	becomes offer.Codec // with table: the other law
}

func (r *relay) forward(l *loop, p *packet) Drop {
	if !r.length.fits(p.end - p.start) {
		if r.odd++; r.odd == oddRun && r.regroup(l) {
			return r.from.onward.forward(l, p)
		}
	} else {
		r.odd = 0
	}
	latest := !r.anchored || p.fresh || p.ext > r.newest
	seq, ok := r.number(l, p)
	if !ok {
		return DropReplay
	}
	ts := p.ts + r.tsShift
	if r.ear.hears(l, p.payload()) || r.beside(l, ts) {
		if latest {
			r.to.out.skew--
		}
		return Delivered
	}
	if r.table != nil {
		for i, x := range p.payload() {
			p.b[p.start+i] = r.table[x]
		}
	}
	if latest {
		r.to.out.sent(seq, ts, l.now)
	}
	return r.to.send(l, p.inPlace(p.marker || p.fresh, r.to.brief.send, seq, ts, r.to.out.ssrc))
}

// regroup gives the direction to a path that makes packets of the length that the far side wants: this sender makes others. Same codec or
// other law, G.711 loses nothing on that way.
func (r *relay) regroup(l *loop) bool {
	t, err := newOnArrival(r.from, r.to)
	if err != nil {
		return false
	}
	r.from.setPath(l, t)
	return true
}

// beside tells whether audio lies beside a digit, which takes its place: one that is relayed, or one that we play.
func (r *relay) beside(l *loop, ts uint32) bool {
	return r.from.event.beside(l.now) || r.to.digits.playing() || r.to.digits.covers(ts)
}

// skip closes the gap that the packet would leave.
func (r *relay) skip(l *loop, p *packet) {
	latest := !r.anchored || p.fresh || p.ext > r.newest
	if _, ok := r.number(l, p); ok && latest {
		r.to.out.skew--
	}
}

func (r *relay) number(l *loop, p *packet) (uint16, bool) {
	out := &r.to.out
	if !r.anchored || p.fresh {
		r.anchor(l, p)
	}
	if r.skew != out.skew {
		r.skew, r.floor = out.skew, r.newest+1
	}
	if p.ext < r.floor {
		return 0, false
	}
	r.newest = max(r.newest, p.ext)
	return uint16(p.ext + r.shift + out.skew), true
}

// anchor joins the incoming stream to the outgoing one at this packet.
func (r *relay) anchor(l *loop, p *packet) {
	out := &r.to.out
	r.anchored = true
	r.shift = int64(out.seq) + 1 - p.ext - out.skew
	r.tsShift = out.stamp(l.now, r.codec.Clock) - p.ts
	r.newest, r.floor, r.skew = p.ext-1, p.ext, out.skew
}

func (r *relay) stamp(_ *loop, p *packet) uint32 { return p.ts + r.tsShift }
func (r *relay) pause()                          { r.anchored = false }
func (r *relay) close()                          {}

func (r *relay) fits(from, to offer.Stream) bool {
	out := r.codec
	if r.table != nil {
		out = r.becomes
	}
	return sameCodec(from.Recv, r.codec) && sameCodec(to.Send, out) && lengthOf(to) == r.length
}

// oddRun is how many packets in a row may have another length than the far side wants: the last one of a talk spurt often does. Chosen here.
const oddRun = 3

// length is what a packet may measure for a peer, in octets. The zero value is any.
type length struct{ exact, most int }

// lengthOf is the length that the peer wants of a codec with an octet a tick; others are not cut.
func lengthOf(st offer.Stream) (n length) {
	if !isTelephone(st.Send) {
		return n
	}
	octets := st.Send.Clock / 1000
	n.most = int(st.MaxPtimeMS) * octets
	if st.PtimeAsked {
		n.exact = packetTime(st) * octets
	}
	return n
}

func (n length) fits(octets int) bool {
	return (n.exact == 0 || octets == n.exact) && (n.most == 0 || octets <= n.most)
}
