package media

import "testing"

func TestSRTPRefusals(t *testing.T) {
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, profile, opusCodec, opusCodec)
			unprotect := func(p []byte) Drop {
				in := b.l.slot()
				_, d := b.a.crypt.unprotect(b.l, in[:copy(in, p)])
				return d
			}
			first := append([]byte(nil), b.fromBrowser(t, []byte("payload"))...)
			for _, c := range []struct {
				what string
				p    []byte
				want Drop
			}{
				{"good", first, Delivered},
				{"again", first, DropReplay},
				{"cut", first[:len(first)-1], DropReplay}, // refused by its number before its tag is looked at
				{"short", first[:rtpHeader+4], DropMalformed},
				{"no RTP", make([]byte, 64), DropMalformed},
				{"far ahead with a bad tag", changed(first, 2, 0x80), DropAuth},
				{"unknown source", changed(first, 11, 1), DropAuth},
				{"next", b.fromBrowser(t, []byte("payload")), Delivered}, // the roll-over counter has not moved
			} {
				if d := unprotect(c.p); d != c.want {
					t.Errorf("%s: %s, want %s", c.what, d, c.want)
				}
			}
		})
	}
}

// changed is p with bits of one byte flipped.
func changed(p []byte, at int, bits byte) []byte {
	p = append([]byte(nil), p...)
	p[at] ^= bits
	return p
}

// The last flight is sent again until SRTP proves that it has arrived, and not for ever.
func TestLastFlightEndsWithTheFirstSRTP(t *testing.T) {
	b := newBench(t, profiles["GCM"], opusCodec, opusCodec)
	d := b.l.doors[0]
	finished := append([]byte{recordHandshake, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, 0)
	b.a.shake, b.a.crypt.last = shake{done: true}, []byte{recordCCS, 1, 2, 3}
	for range lastFlight {
		if d := b.a.handshake(b.l, d, finished, b.src); d != Delivered {
			t.Fatal(d)
		}
	}
	if n := d.out.n; n != lastFlight {
		t.Errorf("%d flights queued", n)
	}
	if got := b.a.handshake(b.l, d, finished, b.src); got != DropDTLSState {
		t.Errorf("beyond the limit: %s", got)
	}
	b.a.shake.resent = 0
	if d := b.a.media(b.l, b.fromBrowser(t, []byte{1}), b.src); d != Delivered {
		t.Fatal(d)
	}
	if got := b.a.handshake(b.l, d, finished, b.src); got != DropDTLSState {
		t.Errorf("after SRTP: %s", got)
	}
}
