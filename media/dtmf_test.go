package media_test

import (
	"encoding/binary"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"

	"github.com/pion/rtp"
)

const keys = "0123456789*#"

// press yields the event packets of one digit of n steps of 20 ms, three ends included, as Chromium sends them.
func press(key byte, n int, clock uint32, send func(i int, payload []byte)) {
	code := byte(0)
	for i := range len(keys) {
		if keys[i] == key {
			code = byte(i)
		}
	}
	for i := range n + 2 {
		b := []byte{code, 10, 0, 0}
		if i >= n-1 {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint16(b[2:], uint16(min(i+1, n))*uint16(clock/50))
		send(i, b)
	}
}

// keypad watches event packets the way a phone does.
type keypad struct {
	digits string
	ts     map[uint32]int // packets by event timestamp
	ends   map[uint32]int
	bad    []string
}

func (k *keypad) take(t *testing.T, p *rtp.Packet) {
	t.Helper()
	if k.ts == nil {
		k.ts, k.ends = map[uint32]int{}, map[uint32]int{}
	}
	if len(p.Payload) != 4 {
		t.Fatalf("event payload % x", p.Payload)
	}
	if k.ts[p.Timestamp]++; k.ts[p.Timestamp] == 1 {
		k.digits += string(keys[p.Payload[0]])
		if !p.Marker {
			k.bad = append(k.bad, "no marker on the first packet of "+string(keys[p.Payload[0]]))
		}
	} else if p.Marker {
		k.bad = append(k.bad, "marker again")
	}
	if p.Payload[1]&0x80 != 0 {
		k.ends[p.Timestamp]++
	}
}

// lossy says which packet of a hundred is lost: 5 %, first packets and ends among them.
func lossy(i int) bool { return i%20 == 7 }

func TestDigitsFromBrowserToPhone(t *testing.T) {
	_, c, br, ph := mixed(t, 2, pcmu)
	br.send([]byte{0xf8, 0xff, 0xfe}) // one packet of Opus silence
	sent := 0
	for _, key := range []byte(keys) {
		ts := br.ts
		press(key, 5, 48000, func(i int, b []byte) {
			if sent++; !lossy(sent) {
				br.write(rtp.Header{Version: 2, PayloadType: 110, Marker: i == 0, SequenceNumber: br.seq, Timestamp: ts}, b)
			}
			br.seq++
		})
		br.ts += 48000 / 5
	}
	var pad keypad
	for giveUp := time.Now().Add(limit); len(pad.digits) < len(keys) || pad.ends[lastOf(pad.ts)] < 2; {
		if time.Now().After(giveUp) {
			t.Fatalf("so far %q, ends %v", pad.digits, pad.ends)
		}
		p := ph.Next(t, limit)
		if p.PayloadType == tev8k.PT {
			pad.take(t, p)
		}
	}
	checkPad(t, &pad, c, media.A)
}

func lastOf(m map[uint32]int) (ts uint32) {
	for k := range m {
		if ts == 0 || int32(k-ts) > 0 {
			ts = k
		}
	}
	return ts
}

// checkPad compares what the far side heard and what the call was told.
func checkPad(t *testing.T, pad *keypad, c *call, leg media.LegID) {
	t.Helper()
	if pad.digits != keys {
		t.Errorf("digits %q, want %q", pad.digits, keys)
	}
	if len(pad.bad) > 0 {
		t.Error(pad.bad)
	}
	for ts, n := range pad.ends {
		if n < 1 || n > 3 {
			t.Errorf("event at %d has %d ends", ts, n)
		}
	}
	var told string
	for range len(keys) {
		ev := c.wait(media.EventDTMF)
		if ev.Leg != leg {
			t.Errorf("digit on leg %s", ev.Leg)
		}
		told += string(ev.Digit)
	}
	if told != keys {
		t.Errorf("told %q", told)
	}
	c.never(media.EventDTMF)
}

func TestDigitsFromPhoneToBrowser(t *testing.T) {
	_, c, br, ph := mixed(t, 1, pcmu)
	heardDigit(t, br, c, ph)
	sent := 0
	for _, key := range []byte(keys) {
		ts := ph.TS
		press(key, 5, 8000, func(i int, b []byte) {
			if sent++; !lossy(sent) {
				ph.Write(t, c.trunkB, mediatest.Marshal(t, rtp.Header{
					Version: 2, PayloadType: tev8k.PT, Marker: i == 0, SequenceNumber: ph.Seq, Timestamp: ts, SSRC: ph.SSRC}, b))
			}
			ph.Seq++
		})
		ph.TS += 1600
	}
	var pad keypad
	for giveUp := time.Now().Add(limit); len(pad.digits) < len(keys) || pad.ends[lastOf(pad.ts)] < 2; {
		if time.Now().After(giveUp) {
			t.Fatalf("so far %q, ends %v", pad.digits, pad.ends)
		}
		if p := br.next(); p.PayloadType == tev48k.PT {
			pad.take(t, p)
		}
	}
	checkPad(t, &pad, c, media.B)
}

// TestDigitsOnEitherType: a phone that answers our telephone-event with another payload type may send on its own as well as on ours.
func TestDigitsOnEitherType(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	answered := trunkStream(a, pcmu)
	answered.SendEvent.PT = 97
	toA := c.trunk(media.A, a, pcmu)
	c.Bind(media.A, answered)
	c.trunk(media.B, b, pcmu)
	h := rtp.Header{Version: 2, SequenceNumber: 500, SSRC: 7}
	for i, pt := range []uint8{97, tev8k.PT} {
		h.PayloadType, h.Timestamp = pt, uint32(i+1)*1600
		press(keys[i], 3, 8000, func(_ int, payload []byte) {
			a.Write(t, toA, mediatest.Marshal(t, h, payload))
			h.SequenceNumber++
		})
	}
	var pad keypad
	for range 2 * 5 {
		p := b.Next(t, limit)
		if p.PayloadType != tev8k.PT {
			t.Errorf("type %d", p.PayloadType)
		}
		pad.take(t, p)
	}
	if pad.digits != keys[:2] {
		t.Errorf("digits %q, drops %v", pad.digits, gw.Stats().Drops)
	}
}

// heardDigit sends audio until the browser's track is open: its first packets may be lost to it.
func heardDigit(t *testing.T, br *browser, c *call, ph *mediatest.Phone) {
	t.Helper()
	voice := make([]byte, 160)
	for range 3 {
		ph.Send(t, c.trunkB, 0, false, voice, 160)
	}
	br.next()
}

func TestEveryEndLostStillEndsTheDigit(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	ts := a.TS
	press('5', 4, 8000, func(i int, p []byte) {
		if p[1]&0x80 == 0 {
			a.Write(t, toA, mediatest.Marshal(t, rtp.Header{Version: 2, PayloadType: 101, Marker: i == 0, SequenceNumber: a.Seq, Timestamp: ts, SSRC: 9}, p))
		}
		a.Seq++
	})
	ends := 0
	for ends < 3 {
		p := b.Next(t, limit)
		if p.Payload[1]&0x80 != 0 {
			ends++
			if d := binary.BigEndian.Uint16(p.Payload[2:]); d != 3*160 {
				t.Errorf("duration %d", d)
			}
		}
	}
	if ev := c.wait(media.EventDTMF); ev.Digit != '5' {
		t.Errorf("digit %c", ev.Digit)
	}
}

// A digit of 3 s at 48 kHz needs three segments; at 8 kHz it is one.
func TestLongDigitIsOneDigit(t *testing.T) {
	_, c, br, ph := mixed(t, 1, pcmu)
	start := br.ts
	base, segment := uint32(0), start
	const step, total = 960, 144000
	for d := uint32(step); d <= total+2*step; d += step {
		at := min(d, total)
		if at-base > 0xffff {
			base += 0xffff
			segment += 0xffff
		}
		b := []byte{5, 10, 0, 0}
		if d >= total {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint16(b[2:], uint16(at-base))
		br.write(rtp.Header{Version: 2, PayloadType: 110, Marker: d == step, SequenceNumber: br.seq, Timestamp: segment}, b)
		br.seq++
	}
	var pad keypad
	for giveUp := time.Now().Add(limit); pad.ends[lastOf(pad.ts)] < 3; {
		if time.Now().After(giveUp) {
			t.Fatalf("so far %q, ends %v", pad.digits, pad.ends)
		}
		p := ph.Next(t, limit)
		if p.PayloadType == tev8k.PT {
			pad.take(t, p)
			if p.Payload[1]&0x80 != 0 {
				if d := binary.BigEndian.Uint16(p.Payload[2:]); d != 24000 {
					t.Errorf("duration %d, want 24000", d)
				}
			}
		}
	}
	if pad.digits != "5" {
		t.Errorf("digits %q", pad.digits)
	}
	if ev := c.wait(media.EventDTMF); ev.Digit != '5' {
		t.Errorf("told %c", ev.Digit)
	}
	c.never(media.EventDTMF)
}

// Digits of our own making take the place of audio and leave no hole in the numbering.
func TestGeneratedDigits(t *testing.T) {
	gw := newGateway(t, 1)
	c := gw.open(t)
	a, b := mediatest.NewPhone(t), mediatest.NewPhone(t)
	toA, _ := c.trunk(media.A, a, pcmu), c.trunk(media.B, b, pcmu)
	a.Send(t, toA, 0, false, []byte("voice"), 160)
	seq := b.Next(t, limit).SequenceNumber
	for _, key := range []byte("19#") {
		c.SendDTMF(media.B, key, 80*time.Millisecond)
	}
	c.SendDTMF(media.B, '!', 0)
	done := make(chan struct{})
	var pad keypad
	go func() {
		defer close(done)
		for len(pad.digits) < 3 || pad.ends[lastOf(pad.ts)] < 3 {
			p, ok := b.Poll(t, limit)
			if !ok {
				t.Error("no more packets")
				return
			}
			if seq++; p.SequenceNumber != seq {
				t.Errorf("seq %d, want %d", p.SequenceNumber, seq)
			}
			if p.PayloadType == tev8k.PT {
				pad.take(t, p)
			}
		}
	}()
	every(t, done, func() { a.Send(t, toA, 0, false, []byte("voice"), 160) })
	if pad.digits != "19#" || len(pad.bad) > 0 {
		t.Errorf("digits %q %v", pad.digits, pad.bad)
	}
	if n := gw.Stats().Drops["dtmf-refused"]; n != 1 {
		t.Errorf("%d digits refused, want 1", n)
	}
	for _, key := range []byte("19#") {
		if ev := c.wait(media.EventDTMF); ev.Leg != media.A || ev.Digit != key || ev.Duration != 80*time.Millisecond {
			t.Errorf("told %+v, want %c", ev, key)
		}
	}
	c.never(media.EventDTMF)
}
