package media

import (
	"testing"
	"time"

	"drawbridge/media/offer"
	"drawbridge/telemetry"
)

// TestPolice offers streams for ten seconds and counts what passes (QOS-01).
func TestPolice(t *testing.T) {
	g722 := offer.Codec{Name: "G722", PT: 9, Clock: 8000}
	opus := func(fmtp string) offer.Codec { return offer.Codec{Name: "opus", PT: 111, Clock: 48000, Fmtp: fmtp} }
	const span = 10 * time.Second
	for _, row := range []struct {
		name    string
		codec   offer.Codec
		size    int           // payload bytes
		every   time.Duration // between packets
		kbit    float64       // that may pass at most, payload; 0: everything
		packets int           // that may pass at most; 0: as kbit says
	}{
		{name: "G.711 as agreed", codec: pcmuCodec, size: 160, every: 20 * time.Millisecond},
		{name: "G.711 in 10 ms", codec: pcmuCodec, size: 80, every: 10 * time.Millisecond},
		{name: "G.711 in 5 ms", codec: pcmuCodec, size: 40, every: 5 * time.Millisecond},
		{name: "G.711 in 60 ms", codec: pcmuCodec, size: 480, every: 60 * time.Millisecond},
		{name: "G.722", codec: g722, size: 160, every: 20 * time.Millisecond},
		{name: "a clock that is 20 % fast", codec: pcmuCodec, size: 160, every: 16700 * time.Microsecond},
		{name: "500 kbit/s", codec: pcmuCodec, size: 160, every: 20 * time.Millisecond * 64 / 500, kbit: 80},
		{name: "ten times as much", codec: pcmuCodec, size: 160, every: 2 * time.Millisecond, kbit: 80},
		{name: "empty packets", codec: pcmuCodec, every: time.Millisecond, packets: 250 * 10},
		{name: "Opus", codec: opus(""), size: 80, every: 20 * time.Millisecond},
		{name: "Opus at its most", codec: opus(""), size: 1275, every: 20 * time.Millisecond},
		{name: "Opus above what we asked for", codec: opus("stereo=0;maxaveragebitrate=32000"), size: 400, every: 20 * time.Millisecond, kbit: 40},
		{name: "no Opus without limit", codec: opus("maxaveragebitrate=4294967296"), size: 1400, every: 5 * time.Millisecond, kbit: 637.5},
		{name: "no Opus below sense", codec: opus("maxaveragebitrate=-1"), size: 15, every: 20 * time.Millisecond},
	} {
		t.Run(row.name, func(t *testing.T) {
			var po police
			po.limit(row.codec)
			sent, passed := 0, 0
			for at := time.Duration(0); at < span; at += row.every {
				sent++
				if po.admits(row.size, int64(time.Hour+at)) {
					passed++
				}
			}
			most, least := sent, sent
			if row.kbit != 0 {
				most = int(row.kbit * 1000 / 8 * (span + policeBurst).Seconds() / float64(row.size))
				least = int(float64(most) * 0.95)
			}
			if row.packets != 0 {
				most, least = row.packets+int(policeBurst/policePacket), row.packets
			}
			if passed > most || passed < least {
				t.Errorf("%d of %d packets passed, want %d to %d", passed, sent, least, most)
			}
		})
	}
}

// A peer that sends many times its rate loses the excess, and so does nobody else (QOS-01). The call stays, one event tells it.
func TestExcessIsPoliced(t *testing.T) {
	b := newBench(t, profiles["GCM"], pcmuCodec, pcmuCodec)
	told := 0
	b.l.engine.cfg.Events = telemetry.Listener{Refused: func(r telemetry.Refused) {
		if r.Kind == "media-flood" && r.Call == "bench" {
			told++
		}
	}}
	b.b.realm.cfg.Police = true
	b.b.bind(b.l, b.b.st)
	const (
		sent   = 2000
		every  = 400 * time.Microsecond // 50 times as many as were agreed
		passes = int((sent*every + policeBurst) * 5 / 4 / (20 * time.Millisecond))
	)
	phone := func(every time.Duration) Drop {
		b.l.now += int64(every)
		d := b.b.media(b.l, b.fromPhone(make([]byte, 160)), b.phone)
		b.l.drop(d, b.phone, b.b)
		b.l.flush()
		return d
	}
	passed := 0
	for range sent {
		if phone(every) == Delivered {
			passed++
		}
	}
	if passed < passes-1 || passed > passes {
		t.Errorf("%d of %d packets passed, want %d", passed, sent, passes)
	}
	st := b.l.engine.Stats()
	if refused := uint64(sent - passed); st.Drops["rtp-police"] != refused || st.Policed != 160*refused {
		t.Errorf("%d packets and %d bytes are counted of %d packets", st.Drops["rtp-police"], st.Policed, refused)
	}
	if told != 1 {
		t.Errorf("the flood was told %d times", told)
	}
	b.seq, b.ts = 1, 0
	if d := b.a.media(b.l, b.fromBrowser(t, make([]byte, 160)), b.src); d != Delivered {
		t.Errorf("the other way: %v", d)
	}
	b.seq = sent + 1
	if d := phone(policeBurst); d != Delivered {
		t.Errorf("at its rate again: %v", d)
	}
}

// A network that held packets back for 200 ms delivers them at once.
func TestPoliceAllowsABurst(t *testing.T) {
	var po police
	po.limit(pcmuCodec)
	now := int64(time.Hour)
	for i := range 10 {
		if !po.admits(160, now) {
			t.Errorf("packet %d of the burst was refused", i)
		}
	}
}

// TestFloodIsToldOnce: an event for each leg, and for each flood of strangers, not for each packet.
func TestFloodIsToldOnce(t *testing.T) {
	for _, again := range []bool{false, true} {
		var f flood
		told := 0
		second := func(at time.Duration, n int) {
			for range n {
				if f.rises(int64(at), again) {
					told++
				}
			}
		}
		for s := range 30 {
			second(time.Duration(s)*2*time.Second, floodLimit-1)
		}
		if told != 0 {
			t.Errorf("again %t: %d a second are a flood", again, floodLimit-1)
		}
		for s := range 5 {
			second(time.Hour+time.Duration(s)*time.Second, 20_000)
		}
		if told != 1 {
			t.Errorf("again %t: a flood was told %d times", again, told)
		}
		second(2*time.Hour, 20_000)
		if want := map[bool]int{false: 1, true: 2}[again]; told != want {
			t.Errorf("again %t: two floods were told %d times, want %d", again, told, want)
		}
	}
}
