package media

import (
	"strings"
	"time"

	"drawbridge/media/offer"
	"drawbridge/transcode"
)

// A transcoded direction has codecs at the far side's rate, so that nothing is resampled (media.md section 3), and one of two clocks:
// what comes from a codec of the telephone is encoded as it arrives; what comes from Opus waits in a play-out ring that the loop's
// clock empties (playout.go).

// Rates of the PCM between two codecs, in Hz.
const (
	narrowRate = 8000
	wideRate   = 16000
)

// maxPCM is 120 ms at 16 kHz: the longest packet of any codec here.
const maxPCM = 120 * wideRate / 1000

// maxConcealed is the longest hole, in packets, that is filled; a longer one is a pause.
const maxConcealed = 5

// clockJump is how far timestamps and arrival may be apart before a pause is taken for a jump of the sender's clock. Chosen here: more than
// networks delay.
const clockJump = 2 * time.Second

// newTranscoder makes the path between two codecs. Errors: errCodec, or the codec's.
func newTranscoder(from, to *leg) (path, error) {
	in, out := from.st.Recv, to.st.Send
	switch {
	case isTelephone(in) && (isTelephone(out) || isOpus(out)):
		return newOnArrival(from, to)
	case isOpus(in) && isTelephone(out):
		return newPlayer(from, to)
	}
	return nil, errCodec
}

func isOpus(c offer.Codec) bool { return strings.EqualFold(c.Name, "opus") && c.Clock == 48000 }

func isG722(c offer.Codec) bool { return strings.EqualFold(c.Name, "G722") && c.Clock == 8000 }

// isTelephone is a codec with an octet for each tick of its clock.
func isTelephone(c offer.Codec) bool { return isG711(c) || isG722(c) }

// pcmRate is the rate between two codecs: wide when both have more than the telephone band.
func pcmRate(in, out offer.Codec) int {
	if isG711(in) || isG711(out) {
		return narrowRate
	}
	return wideRate
}

// ends is what a transcoded direction knows of its streams.
type ends struct {
	from, to *leg
	in, out  offer.Codec
	rate     int // of the PCM, Hz
	ptime    int // ms towards the far side
	ear      *ear
}

func endsOf(from, to *leg) ends {
	in, out := from.st.Recv, to.st.Send
	return ends{from: from, to: to, in: in, out: out, rate: pcmRate(in, out), ptime: packetTime(to.st)}
}

// packetTime is what the peer asked for, or, of Opus, the longest frame that is not longer (RFC 6716 section 2.1.4).
func packetTime(st offer.Stream) int {
	t := st.PtimeMS
	if t < 10 || t > 60 {
		return 20
	}
	if isOpus(st.Send) && t%20 != 0 && t > 10 {
		return t / 20 * 20
	}
	return t
}

func (e *ends) fits(from, to offer.Stream) bool {
	return sameCodec(from.Recv, e.in) && sameCodec(to.Send, e.out) && average(to.Send) == average(e.out) && packetTime(to) == e.ptime
}

// number and stamp place an event packet in a stream of our own making.
func (e *ends) number(*loop, *packet) (uint16, bool) { return e.to.out.seq + 1, true }
func (e *ends) stamp(l *loop, _ *packet) uint32      { return e.to.out.stamp(l.now, e.out.Clock) }
func (e *ends) skip(*loop, *packet)                  {}

// silent tells whether audio of this time waits for a digit: one that is relayed, or one that we play.
func (e *ends) silent(l *loop, ts uint32) bool {
	return e.from.event.beside(l.now) || e.to.digits.playing() || e.to.digits.covers(ts)
}

// samples is the length of one outgoing packet in PCM samples.
func (e *ends) samples() int { return e.ptime * e.rate / 1000 }

// step is the length of one outgoing packet in ticks of its clock.
func (e *ends) step() uint32 { return uint32(e.ptime * e.out.Clock / 1000) }

// emit encodes one frame and sends it with timestamp ts.
func (e *ends) emit(l *loop, enc transcode.Encoder, pcm []int16, ts uint32, marker bool) Drop {
	b := l.slot()
	n, err := enc.Encode(b[rtpHeader:rtpHeader:slotSize-tailRoom], pcm)
	if err != nil {
		return DropCodec
	}
	out := &e.to.out
	out.sent(out.seq+1, ts, l.now)
	putRTP(b, marker, e.to.st.Send.PT, out.seq, ts, out.ssrc)
	return e.to.send(l, b[:rtpHeader+n:slotSize])
}

// onArrival encodes what comes as it comes; holes are told by timestamps and concealed, so that the outgoing stream is continuous.
type onArrival struct {
	ends
	dec    transcode.Decoder
	enc    transcode.Encoder
	pool   *transcode.Pool
	frames *transcode.Repacketiser[int16]
	pcm    [maxPCM]int16

	redundancy redundancy
	loss       int // percent that enc prepares for

	noise transcode.Noise

	started bool
	rested  bool   // comfort noise was the last that came
	marker  bool   // the next packet begins a talk spurt
	newest  int64  // newest incoming number
	at      int64  // when it came
	expect  uint32 // incoming timestamp that follows
	ts      uint32 // outgoing timestamp of the next frame
}

func newOnArrival(from, to *leg) (*onArrival, error) {
	t := &onArrival{ends: endsOf(from, to), pool: &from.session.engine.encoders}
	var err error
	if t.dec, err = transcode.NewDecoder(t.in.Name, t.rate); err != nil {
		return nil, err
	}
	if t.enc, err = t.newEncoder(t.opus(0)); err != nil {
		return nil, err
	}
	t.frames = transcode.NewRepacketiser[int16](t.samples())
	t.ear = newEar(from, "", t.dec.Rate())
	from.session.engine.transcodes.Add(1)
	return t, nil
}

// newEncoder makes one for the far side's codec; Opus comes from the pool.
func (t *onArrival) newEncoder(opt transcode.Options) (transcode.Encoder, error) {
	if isOpus(t.out) {
		return t.pool.Get(t.rate, opt)
	}
	return transcode.NewEncoder(t.out.Name, t.rate, opt)
}

func (t *onArrival) forward(l *loop, p *packet) Drop {
	if t.from.event.beside(l.now) {
		t.started = false
		return Delivered
	}
	if !t.started || p.fresh {
		t.begin(l, p)
	}
	hole := int32(p.ts - t.expect)
	switch {
	case p.ext < t.newest && hole < 0:
		return DropReplay // late: its place has been filled
	case t.rested:
		t.rise(l, int(max(hole, 0)))
	case hole > 0:
		t.fill(l, p, int(hole))
	}
	// A newer packet with an older timestamp: the sender's clock has gone back, and the stream goes on.
	n, err := t.dec.Decode(t.pcm[:], p.payload())
	if err != nil {
		return DropCodec
	}
	t.newest, t.at, t.expect = p.ext, l.now, p.ts+uint32(len(p.payload()))
	if t.ear.listens(l, t.pcm[:n]) {
		clear(t.pcm[:n])
	}
	t.frames.Write(t.pcm[:n])
	return t.drain(l)
}

// begin joins the incoming stream to the outgoing one.
func (t *onArrival) begin(l *loop, p *packet) {
	t.started, t.rested, t.marker, t.newest, t.expect = true, false, true, p.ext, p.ts
	t.ts = t.to.out.stamp(l.now, t.out.Clock)
	t.frames.Reset()
}

// fill conceals a hole of so many ticks, or steps over a pause.
func (t *onArrival) fill(l *loop, p *packet, hole int) {
	if hole > maxConcealed*max(p.end-p.start, 1) {
		t.leap(l, hole)
		return
	}
	for hole = hole * t.rate / t.in.Clock; hole > 0; {
		n, err := t.dec.Conceal(t.pcm[:], min(hole, t.samples()))
		if err != nil || n <= 0 {
			return
		}
		if t.ear.listens(l, t.pcm[:n]) { // a tone goes on in what is invented
			clear(t.pcm[:n])
		}
		t.frames.Write(t.pcm[:n])
		hole -= n
	}
}

// leap steps over a pause. When its length cannot be true the sender's clock has jumped, and ours says how long it was.
func (t *onArrival) leap(l *loop, hole int) {
	t.ts += uint32(t.frames.Pending() * t.out.Clock / t.rate) // what does not fill a packet is left out, and was time
	t.frames.Reset()
	t.marker = true
	told := int64(hole) * int64(time.Second) / int64(t.in.Clock)
	if gone := l.now - t.at; told > gone-int64(clockJump) && told < gone+int64(clockJump) {
		t.ts += uint32(hole * t.out.Clock / t.in.Clock)
		return
	}
	if now := t.to.out.stamp(l.now, t.out.Clock); int32(now-t.ts) > 0 {
		t.ts = now
	}
}

// drain sends the frames that are full. A digit takes the place of audio; time goes on.
func (t *onArrival) drain(l *loop) Drop {
	for {
		pcm, ok := t.frames.Next()
		if !ok {
			return Delivered
		}
		ts := t.ts
		t.ts += t.step()
		if t.silent(l, ts) {
			continue
		}
		if d := t.emit(l, t.enc, pcm, ts, t.marker); d != Delivered {
			return d
		}
		t.marker = false
	}
}

func (t *onArrival) encoder() transcode.Encoder { return t.enc }

func (t *onArrival) pause() { t.started = false }

func (t *onArrival) close() {
	t.pool.Put(t.enc)
	t.from.session.engine.transcodes.Add(-1)
}
