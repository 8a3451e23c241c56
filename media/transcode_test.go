package media_test

import (
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/mediatest"
	"drawbridge/media/offer"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"
)

// mixed is a browser with Opus and a phone with G.711.
func mixed(t *testing.T, loops int, codec offer.Codec) (*gateway, *call, *browser, *mediatest.Phone) {
	t.Helper()
	gw := newGateway(t, loops)
	c := gw.open(t)
	br, ph := newBrowser(t), mediatest.NewPhone(t)
	c.trunkWith(media.B, ph, codec, tev8k)
	br.join(c, media.A, nil)
	c.wait(media.EventDTLS)
	br.connected()
	return gw, c, br, ph
}

// every calls fn each 20 ms until the test's other end says done.
func every(t *testing.T, done <-chan struct{}, fn func()) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fn()
		}
	}
}

func TestToneFromBrowserReachesPhone(t *testing.T) {
	for _, codec := range []offer.Codec{pcmu, pcma} {
		t.Run(codec.Name, func(t *testing.T) {
			_, _, br, ph := mixed(t, 2, codec)
			enc := must(transcode.NewEncoder("opus", 48000, transcode.Options{}))
			dec := must(transcode.NewDecoder(codec.Name, 8000))
			src, det := tone.Source{Freq: 1000, Rate: 48000}, tone.NewDetector(8000)
			done := make(chan struct{})
			go func() {
				defer close(done)
				listen(t, ph, dec, det, codec.PT, 1000)
			}()
			every(t, done, func() { br.send(encoded(t, enc, &src, 960)) })
		})
	}
}

// listen takes packets until the tone is heard, and checks that the stream is continuous.
func listen(t *testing.T, ph *mediatest.Phone, dec transcode.Decoder, det *tone.Detector, pt uint8, freq float64) {
	pcm := make([]int16, 960)
	var seq uint16
	var ts uint32
	for i := range 200 {
		p, ok := ph.Poll(t, limit)
		if !ok {
			t.Error("the phone hears nothing")
			return
		}
		if i > 0 && (p.SequenceNumber != seq+1 || p.Timestamp != ts+160) || p.PayloadType != pt || len(p.Payload) != 160 || p.Marker != (i == 0) {
			t.Errorf("packet %d: %+v after seq %d ts %d, %d bytes", i, p.Header, seq, ts, len(p.Payload))
		}
		seq, ts = p.SequenceNumber, p.Timestamp
		n, err := dec.Decode(pcm, p.Payload)
		if err != nil {
			t.Error(err)
			return
		}
		if det.Write(pcm[:n]); det.Heard(freq, 15) {
			return
		}
	}
	t.Errorf("no %v Hz: level %.1f dB, SNR %.1f dB", freq, det.Level(freq), det.SNR(freq))
}

func TestToneFromPhoneReachesBrowser(t *testing.T) {
	_, c, br, ph := mixed(t, 2, pcmu)
	enc := must(transcode.NewEncoder("PCMU", 8000, transcode.Options{}))
	dec := must(transcode.NewDecoder("opus", 48000))
	src, det := tone.Source{Freq: 620, Rate: 8000}, tone.NewDetector(48000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		pcm := make([]int16, 5760)
		for range 200 {
			select {
			case p := <-br.heard:
				n, err := dec.Decode(pcm, p.Payload)
				if err != nil {
					t.Error(err)
					return
				}
				if det.Write(pcm[:n]); det.Heard(620, 15) {
					return
				}
			case <-time.After(limit):
				t.Error("the browser hears nothing")
				return
			}
		}
		t.Errorf("no 620 Hz: level %.1f dB, SNR %.1f dB", det.Level(620), det.SNR(620))
	}()
	lost := 0
	every(t, done, func() {
		if lost++; lost%10 == 3 { // a packet in ten never leaves the phone
			encoded(t, enc, &src, 160)
			ph.Seq++
			ph.TS += 160
			return
		}
		ph.Send(t, c.trunkB, 0, lost == 1, encoded(t, enc, &src, 160), 160)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encoded is the next 20 ms of a tone.
func encoded(t testing.TB, enc transcode.Encoder, src *tone.Source, samples int) []byte {
	t.Helper()
	pcm := make([]int16, samples)
	src.Fill(pcm)
	b := make([]byte, 1500)
	n, err := enc.Encode(b, pcm)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}
