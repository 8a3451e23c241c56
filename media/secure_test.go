package media_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
)

// TestEveryEncryptionToEveryOther is the matrix of SEC-10: a 1 kHz tone both ways across a roll-over of the sequence numbers and a change
// of the sources. All calls run at once.
func TestEveryEncryptionToEveryOther(t *testing.T) {
	const before, after = 25, 15
	gw := newGateway(t, 2)
	var calls []*secureCall
	for _, a := range secureKinds {
		for _, b := range secureKinds {
			calls = append(calls, newSecureCall(t, gw, newSecurePhone(t, a), newSecurePhone(t, b)))
		}
	}
	for _, c := range calls {
		c.up()
	}
	speakAll(before, calls...)
	for _, c := range calls {
		for _, p := range c.phones {
			p.ssrc++
		}
	}
	speakAll(after, calls...)
	for _, c := range calls {
		n := before + after
		if c.phones[0].kind.name == "RTP" || c.phones[1].kind.name == "RTP" {
			n -= 9 // in clear a new source waits until the old one has been silent for 150 ms
		}
		c.audible(n)
	}
}

// speakAll lets all phones speak n packets in time.
func speakAll(n int, calls ...*secureCall) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range n {
		<-tick.C
		for _, c := range calls {
			c.phones[0].speak()
			c.phones[1].speak()
		}
	}
}

func kindNamed(t testing.TB, name string) secureKind {
	t.Helper()
	for _, k := range secureKinds {
		if k.name == name {
			return k
		}
	}
	t.Fatalf("no kind %s", name)
	return secureKind{}
}

// Keys, roll-over counter, source and clock go on through hold and every re-offer that changes nothing of the keys.
func TestKeysSurviveReoffers(t *testing.T) {
	gw := newGateway(t, 1)
	var calls []*secureCall
	for _, name := range []string{"SDES-80", "SDES-GCM MKI", "DTLS-GCM", "DTLS-80 server"} {
		calls = append(calls, newSecureCall(t, gw, newSecurePhone(t, kindNamed(t, name)), newSecurePhone(t, kindNamed(t, name))))
	}
	for _, c := range calls {
		c.up()
	}
	speakAll(10, calls...) // the phones' numbers have rolled over
	handshakes := 0
	for i := range 5 {
		for _, c := range calls {
			c.audible(10 + 6*i) // none is on its way when hold begins
			for leg := range c.phones {
				c.reoffer(media.LegID(leg), "a=sendonly")
				c.reoffer(media.LegID(leg), "a=sendrecv")
			}
		}
		speakAll(6, calls...)
	}
	for _, c := range calls {
		c.audible(40)
		for i, p := range c.phones {
			if _, bad, _ := p.listened(); bad != 0 {
				t.Errorf("%s: phone %d did not understand %d packets", p.kind.name, i, bad)
			}
			if n := p.sources(); n != 1 {
				t.Errorf("%s: phone %d has heard %d sources", p.kind.name, i, n)
			}
		}
		c.Close()
		for ev := range c.events {
			if ev.Kind == media.EventDTLS {
				handshakes++
			}
			if ev.Kind == media.EventClosed {
				break
			}
		}
	}
	if handshakes != 0 { // up has taken those of the beginning
		t.Errorf("%d more handshakes", handshakes)
	}
}

// A phone that brings a new SDES key is understood at once, and so are its last packets under the old one.
func TestNewKeyInReoffer(t *testing.T) {
	for _, name := range []string{"SDES-80", "SDES-32 MKI", "SDES-GCM MKI"} {
		t.Run(name, func(t *testing.T) {
			gw := newGateway(t, 1)
			c := newSecureCall(t, gw, newSecurePhone(t, kindNamed(t, name)), newSecurePhone(t, kindNamed(t, "RTP")))
			c.up()
			speakAll(10, c)
			c.audible(10)
			a := c.phones[0]
			late := a.out // the phone's packets on the way
			a.newKey()
			c.offers(media.A)
			a.mu.Lock()
			fresh := a.out
			a.out = late
			a.mu.Unlock()
			speakAll(5, c)
			a.mu.Lock()
			a.out = fresh
			a.mu.Unlock()
			speakAll(10, c)
			c.audible(25)
			if n := gw.Stats().Drops["srtp-auth"]; n != 0 {
				t.Errorf("%d packets refused", n)
			}
		})
	}
}

// Nothing leaves or enters in clear where the policy wants keys, neither before SDP has come nor before the handshake (media rule 4).
func TestNothingInClearBeforeKeys(t *testing.T) {
	gw := newGateway(t, 1)
	for _, name := range []string{"SDES-80", "DTLS-GCM"} {
		c := &secureCall{call: gw.open(t), phones: [2]*securePhone{newSecurePhone(t, kindNamed(t, "RTP")), newSecurePhone(t, kindNamed(t, name))}}
		for i, p := range c.phones {
			local, err := c.Add(media.LegID(i), media.Side{Realm: "core", Profile: offer.RTP, SRTP: p.kind.policy})
			if err != nil {
				t.Fatal(err)
			}
			p.far = local.RTP
		}
		clear := func(p *securePhone, want offer.SRTP) offer.Stream {
			st := offer.Stream{Remote: p.addr(), Send: pcma, Recv: pcma, MaySend: true, MayRecv: true, PtimeMS: 20}
			if want == offer.SRTPDTLS {
				st.Fingerprint, st.Setup = "sha-256 "+p.fingerprint(), offer.SetupPassive
			}
			return st
		}
		c.Bind(media.A, clear(c.phones[0], offer.SRTPNone))
		c.Bind(media.B, clear(c.phones[1], c.phones[1].kind.policy)) // SDES: what no machine would ever say
		was := gw.Stats().Drops["srtp-early"]
		speakAll(10, c)
		waitDrop(t, gw, "srtp-early", was+10)
		for i, p := range c.phones {
			if heard, bad, _ := p.listened(); heard+bad != 0 {
				t.Errorf("%s: phone %d was sent %d packets", name, i, heard+bad)
			}
		}
	}
}

// A certificate that the SDP has not named: no media, and the call is told.
func TestWrongFingerprintOnATrunk(t *testing.T) {
	for _, name := range []string{"DTLS-GCM", "DTLS-80 server"} {
		gw := newGateway(t, 1)
		good, wrong := newSecurePhone(t, kindNamed(t, "RTP")), newSecurePhone(t, kindNamed(t, name))
		c := &secureCall{call: gw.open(t), phones: [2]*securePhone{good, wrong}}
		other := newSecurePhone(t, kindNamed(t, name))
		local, err := c.Add(media.B, media.Side{Realm: "core", Profile: offer.RTP, SRTP: offer.SRTPDTLS})
		if err != nil {
			t.Fatal(err)
		}
		m := offer.New(offer.Config{SRTP: offer.SRTPDTLS, Codecs: []offer.Codec{pcma}, AllowLoopback: true})
		m.SetLocal(local)
		sdp := strings.ReplaceAll(string(wrong.sdp("")), wrong.fingerprint(), other.fingerprint())
		answer, st, err := m.Offered([]byte(sdp), offer.SendRecv)
		if err != nil {
			t.Fatal(err)
		}
		c.Bind(media.B, *st)
		wrong.take(string(answer))
		if ev := c.wait(media.EventFailed); ev.Reason != "fingerprint" || ev.Leg != media.B {
			t.Errorf("%s: %+v", name, ev)
		}
		waitDrop(t, gw, "dtls-fingerprint", 1)
		if heard, bad, _ := wrong.listened(); heard+bad != 0 {
			t.Errorf("%s: %d packets", name, heard+bad)
		}
	}
}

// A ClientHello from a host that the SDP does not speak of is not answered, before the call nor while it runs (T17).
func TestForeignHelloOnATrunk(t *testing.T) {
	gw := newGateway(t, 1)
	c := newSecureCall(t, gw, newSecurePhone(t, kindNamed(t, "RTP")), newSecurePhone(t, kindNamed(t, "DTLS-GCM")))
	stranger := dialFrom(t, "127.0.0.2:0", c.phones[1].far)
	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, make([]byte, 60)...)
	for range 50 {
		if _, err := stranger.Write(hello); err != nil {
			t.Fatal(err)
		}
	}
	waitDrop(t, gw, "dtls-unvalidated", 50)
	c.up()
	speakAll(10, c)
	c.audible(10)
	_ = stranger.SetReadDeadline(time.Now())
	if n, err := stranger.Read(hello); err == nil {
		t.Errorf("answered with %d bytes", n)
	}
}

// A phone that answers with DTLS calls before its answer has come to us: the handshake does not wait for its repetition.
func TestHelloBeforeTheAnswer(t *testing.T) {
	gw := newGateway(t, 1)
	p := newSecurePhone(t, kindNamed(t, "DTLS-GCM"))
	c := &secureCall{call: gw.open(t)}
	local, err := c.Add(media.B, media.Side{Realm: "core", Profile: offer.RTP, SRTP: offer.SRTPDTLS})
	if err != nil {
		t.Fatal(err)
	}
	m := offer.New(offer.Config{SRTP: offer.SRTPDTLS, Codecs: []offer.Codec{pcma}, AllowLoopback: true})
	m.SetLocal(local)
	text, err := m.Offer(offer.SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	p.once = true // its ClientHello goes out once
	p.take(string(text))
	waitDrop(t, gw, "rtp-unbound", 1)
	st, err := m.Answered(p.sdp(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c.Bind(media.B, *st)
	c.wait(media.EventDTLS)
}

// Whatever a leg is told of keys shows in no event, and never in what the other side gets to see.
func TestKeysStayOnTheirLeg(t *testing.T) {
	gw := newGateway(t, 1)
	c := newSecureCall(t, gw, newSecurePhone(t, kindNamed(t, "SDES-80")), newSecurePhone(t, kindNamed(t, "SDES-80")))
	c.up()
	speakAll(5, c)
	c.audible(5)
	ourA, remoteA := c.sdp[0].Texts()
	ourB, remoteB := c.sdp[1].Texts()
	localA, localB := string(ourA), string(ourB)
	for _, pair := range [][2]string{{localA, localB}, {localA, remoteB}, {localB, localA}, {localB, remoteA}, {remoteA, localB}, {remoteB, localA}} {
		for line := range strings.Lines(pair[0]) {
			if _, key, ok := strings.Cut(line, "inline:"); ok && strings.Contains(pair[1], key[:40]) {
				t.Error("a key of one side is in the SDP of the other")
			}
		}
	}
	c.Close()
	text := fmt.Sprintf("%+v", c.wait(media.EventClosed))
	st := c.sdp[0].Current()
	if strings.Contains(text+fmt.Sprintf("%+v", st), string(st.SDES.Send.Key)) {
		t.Error("a key is printed")
	}
}
