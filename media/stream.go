package media

import (
	"math/rand/v2"
	"time"

	"drawbridge/media/rtpmath"
)

// Chosen here: a source may change a few times a minute (transfers, restarts), not more (T14).
const (
	sourceChanges = 3
	sourceWindow  = time.Minute
)

// Chosen here: when a plain stream may change its source (T13). The waits run side by side, so a peer that changes is heard within 200 ms.
const (
	sourceSilence = 150 * time.Millisecond // of the present source: more than packets and jitter take
	rivalPackets  = 4                      // that follow each other
	rivalSpan     = 60 * time.Millisecond  // and last as long as speech does
	rivalWindow   = 100 * time.Millisecond // between two of them; then another may try
)

// inbound is the stream that a leg receives: one source at a time.
type inbound struct {
	ssrc    uint32
	started bool
	known   uint8  // how many of changes are set
	returns bool   // former may come back
	former  uint32 // source that the stream was taken from while it was silent
	clock   int32
	changes [sourceChanges]int64 // when the last sources began, oldest first
	rival   rival

	seq     rtpmath.Sequence
	window  window
	jitter  rtpmath.Jitter
	bursts  *rtpmath.Bursts // nil before the first packet: most calls that only ring have none
	before  int64           // lost of earlier sources
	packets uint64
	octets  uint64
}

// admits tells whether a packet of this source is worth a look. It runs before authentication and changes nothing.
func (in *inbound) admits(ssrc uint32, now int64) bool {
	return !in.started || ssrc == in.ssrc || in.known < sourceChanges || now-in.changes[0] > int64(sourceWindow) || in.comesBack(ssrc)
}

// rival is another source of a plain stream, on probation. Neither the present source nor a third one disturbs it.
type rival struct {
	since int64 // first of its packets in sequence
	at    int64 // newest packet
	ssrc  uint32
	next  uint16 // sequence number that goes on
	n     uint8  // stays at rivalPackets; 0: there is none
}

// believes tells whether a packet is of the stream, whose packets prove nothing. heard is the newest packet of the present source.
func (in *inbound) believes(p *packet, heard, now int64) bool {
	return !in.started || p.ssrc == in.ssrc || in.succeeds(p, heard, now)
}

// succeeds tells whether another source may take the stream over: after a probation, and when the present one is silent, so that whoever forges
// packets cannot take the stream from a peer that talks. A source that has lost it in a pause need not wait for the silence of the other.
func (in *inbound) succeeds(p *packet, heard, now int64) bool {
	back := in.comesBack(p.ssrc)
	switch {
	case !in.rival.step(p, back, now), !back && now-heard < int64(sourceSilence):
		return false
	case !back && (!in.returns || now-in.changes[sourceChanges-1] > int64(sourceWindow)):
		in.former, in.returns = in.ssrc, true // who was the source for a minute, not whoever came in a pause of it
	}
	in.rival = rival{}
	return true
}

// comesBack tells the source that has lost the stream when it was silent.
func (in *inbound) comesBack(ssrc uint32) bool { return in.returns && ssrc == in.former }

// step counts one packet; true when its source has passed. A source that comes back goes before others.
func (r *rival) step(p *packet, back bool, now int64) bool {
	if p.ssrc != r.ssrc && r.n > 0 && now-r.at <= int64(rivalWindow) && !back {
		return false
	}
	if p.ssrc != r.ssrc || p.seq != r.next || r.n == 0 || now-r.at > int64(rivalWindow) {
		*r = rival{since: now, ssrc: p.ssrc}
	}
	r.at, r.next, r.n = now, p.seq+1, min(r.n+1, rivalPackets)
	return r.n == rivalPackets && now-r.since >= int64(rivalSpan)
}

// receive counts an authentic packet, and refuses it when it repeats another or is far out of order.
func (in *inbound) receive(p *packet, now int64, event bool) Drop {
	if !in.started || p.ssrc != in.ssrc {
		in.begin(p.ssrc, now)
		p.fresh = true
	}
	var a rtpmath.Arrival
	p.ext, a = in.seq.Update(p.seq)
	switch a {
	case rtpmath.Suspect:
		return DropReplay
	case rtpmath.Restarted:
		p.fresh = true
		in.window = window{}
		in.jitter.Restart()
		in.bursts.Restart()
	case rtpmath.InOrder:
		if !event { // an event's packets all carry the time of its beginning
			in.jitter.Update(time.Duration(now), p.ts, int(in.clock))
		}
	case rtpmath.Reordered: // late, but wanted; it says nothing about jitter
	}
	if !in.window.add(p.ext) {
		return DropReplay
	}
	in.bursts.Update(p.ext)
	in.packets++
	in.octets += uint64(p.end - p.start)
	return Delivered
}

// begin starts with a new source.
func (in *inbound) begin(ssrc uint32, now int64) {
	if in.started {
		in.before += in.seq.Lost()
		in.change(ssrc, now)
	}
	if in.bursts == nil {
		in.bursts = new(rtpmath.Bursts)
	}
	in.ssrc, in.started = ssrc, true
	in.seq, in.window = rtpmath.Sequence{}, window{}
	in.jitter.Restart()
	in.bursts.Restart()
}

// change notes a change of the source. One that comes back takes those since it was lost with it: a digit or a forger in its pause is no churn.
func (in *inbound) change(to uint32, now int64) {
	if in.comesBack(to) {
		in.known, in.returns = 0, false
		return
	}
	copy(in.changes[:], in.changes[1:])
	in.changes[sourceChanges-1] = now
	in.known = min(in.known+1, sourceChanges)
}

// rebase follows a change of the codec's clock.
func (in *inbound) rebase(clock int) {
	if c := int32(clock); in.clock != c {
		in.clock, in.jitter = c, rtpmath.Jitter{}
	}
}

func (in *inbound) lost() int64 { return in.before + in.seq.Lost() }

// window remembers the last sequence numbers. On the way from plain RTP to SRTP it keeps two packets from being encrypted under one index.
type window struct {
	started bool
	top     int64
	seen    [2]uint64 // bit 0 of the first is top
}

// windowSize is in packets; the reordering that rtpmath admits is 100.
const windowSize = 128

// add notes a number; false when it was there or is too old to know.
func (w *window) add(ext int64) bool {
	if !w.started {
		*w = window{started: true, top: ext, seen: [2]uint64{1}}
		return true
	}
	if ext > w.top {
		w.shift(uint64(ext - w.top))
		w.top = ext
		w.seen[0] |= 1
		return true
	}
	back := uint64(w.top - ext)
	if back >= windowSize {
		return false
	}
	word, bit := &w.seen[back/64], uint64(1)<<(back%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// has tells whether a number near the top was noted.
func (w *window) has(ext int64) bool {
	back := w.top - ext
	return w.started && back >= 0 && back < windowSize && w.seen[back/64]&(1<<(back%64)) != 0
}

func (w *window) shift(n uint64) {
	switch {
	case n >= windowSize:
		w.seen = [2]uint64{}
	case n >= 64:
		w.seen = [2]uint64{0, w.seen[0] << (n - 64)}
	default:
		w.seen = [2]uint64{w.seen[0] << n, w.seen[1]<<n | w.seen[0]>>(64-n)}
	}
}

// outbound is the stream that a leg sends: our own source, continuous whatever feeds it. Now and then new keys ask for another one.
type outbound struct {
	ssrc    uint32
	first   uint16 // sequence number of the first packet
	seq     uint16 // of the newest packet
	ts      uint32 // its timestamp
	before  uint32 // packets of our earlier sources
	at      int64  // when it was sent; 0 before the first
	skew    int64  // packets that we have added, less those that we have left out, since the beginning
	packets uint64
	octets  uint64 // of this source
}

// lowerHalf is where sequence numbers begin, so that early loss does not confuse a receiver's roll-over counter (RFC 3711 section 3.3.1).
const lowerHalf = 1 << 15

// init draws the beginning (RFC 3550 section 5.1).
func (o *outbound) init() {
	o.ts = rand.Uint32()
	o.anew()
}

// anew draws a source. Its clock is that of the one before.
func (o *outbound) anew() {
	o.ssrc, o.seq = rand.Uint32(), uint16(rand.Uint32N(lowerHalf))
	o.first = o.seq + 1
	o.before, o.octets = uint32(o.packets), 0
}

// ofSource is how many packets this source has sent.
func (o *outbound) ofSource() uint64 { return o.packets - uint64(o.before) }

// stamp is the timestamp of this instant.
func (o *outbound) stamp(now int64, clock int) uint32 {
	if o.at == 0 {
		return o.ts
	}
	return o.ts + uint32(rtpmath.Units(time.Duration(now-o.at), clock))
}

// sent notes the newest packet.
func (o *outbound) sent(seq uint16, ts uint32, now int64) {
	o.seq, o.ts, o.at = seq, ts, max(now, 1)
}

// add reserves the next number for a packet that the gateway makes beside a relayed stream.
func (o *outbound) add() uint16 {
	o.seq++
	o.skew++
	return o.seq
}

func (o *outbound) count(payload int) {
	o.packets++
	o.octets += uint64(payload)
}
