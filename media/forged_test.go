package media_test

import (
	"sync"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
)

// Forged datagrams before a trunk's keys: written from another port of the peer's host, or from the peer's own socket, as if its address
// had been forged (T17).

// forgedLeg is a call's leg to a phone with DTLS: SDP has gone one way only, and the phone waits for the rest of it.
type forgedLeg struct {
	*call
	phone  *securePhone
	local  offer.Local
	answer string
}

func newForgedLeg(t testing.TB, gw *gateway, kind string) *forgedLeg {
	t.Helper()
	g := &forgedLeg{call: gw.open(t), phone: newSecurePhone(t, kindNamed(t, kind))}
	var err error
	if g.local, err = g.Add(media.B, media.Side{Realm: "core", Profile: offer.RTP, SRTP: offer.SRTPDTLS}); err != nil {
		t.Fatal(err)
	}
	m := offer.New(offer.Config{SRTP: offer.SRTPDTLS, Codecs: []offer.Codec{pcma}, AllowLoopback: true})
	m.SetLocal(g.local)
	answer, st, err := m.Offered(g.phone.sdp(""), offer.SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	g.answer = string(answer)
	g.Bind(media.B, *st)
	return g
}

// forge sends a datagram from the phone's address and from another port of its host.
func (g *forgedLeg) forge(b []byte) {
	g.t.Helper()
	if _, err := g.phone.conn.WriteToUDPAddrPort(b, g.local.RTP); err != nil {
		g.t.Error(err)
	}
	if _, err := dialFrom(g.t, "127.0.0.1:0", g.local.RTP).Write(b); err != nil {
		g.t.Error(err)
	}
}

// forgeAll forges n times, as far apart as a handshake would need to fail.
func (g *forgedLeg) forgeAll(n int, b []byte) {
	g.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range n {
		g.forge(b)
		<-tick.C
	}
}

// keyed waits for the leg's keys; it fails when the leg does.
func (g *forgedLeg) keyed() {
	g.t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case ev := <-g.events:
			if ev.Kind == media.EventFailed {
				g.t.Errorf("the leg has failed: %q", ev.Reason)
				return
			}
			if ev.Kind == media.EventDTLS {
				return
			}
		case <-deadline:
			g.t.Error("no keys")
			return
		}
	}
}

// TestForgedHellosLeaveATrunkAlone: hellos with a null cipher before the peer's own neither fail the leg nor keep the peer out.
func TestForgedHellosLeaveATrunkAlone(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	g := newForgedLeg(t, gw, "DTLS-GCM")
	g.forgeAll(10, nullHello())
	g.phone.take(g.answer)
	g.keyed()
	if n := gw.Stats().Drops["dtls-handshake"]; n != 0 {
		t.Errorf("%d handshakes have failed", n)
	}
}

// TestForgedAlertsLeaveAHandshakeAlone: the peer waits to be called, and alerts come in its place.
func TestForgedAlertsLeaveAHandshakeAlone(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 1)
	g := newForgedLeg(t, gw, "DTLS-80 server")
	g.forgeAll(5, []byte{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40})
	g.phone.take(g.answer)
	g.keyed()
	d := gw.Stats().Drops
	if d["dtls-handshake"] != 0 || d["dtls-clear"] < 5 || d["dtls-unvalidated"] < 5 {
		t.Errorf("%d handshakes have failed, %d alerts dropped of the peer's address, %d of others", d["dtls-handshake"], d["dtls-clear"], d["dtls-unvalidated"])
	}
}

// TestHelloRaceOnTrunks connects 25 trunks, each while hellos with a null cipher come at 1 000 a second to its port, from its peer's address
// and from another port of its host.
func TestHelloRaceOnTrunks(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, 2)
	for range 25 {
		raceTrunk(t, gw)
	}
	if n := gw.Stats().Drops["dtls-handshake"] + gw.Stats().Drops["dtls-busy"]; n != 0 {
		t.Errorf("%d handshakes were disturbed", n)
	}
}

// raceTrunk connects one trunk in a flood.
func raceTrunk(t *testing.T, gw *gateway) {
	t.Helper()
	g := newForgedLeg(t, gw, "DTLS-GCM")
	other := dialFrom(t, "127.0.0.1:0", g.local.RTP)
	stop := make(chan struct{})
	var attack sync.WaitGroup
	attack.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_, _ = other.Write(nullHello()) // a full buffer is the attacker's problem
				_, _ = g.phone.conn.WriteToUDPAddrPort(nullHello(), g.local.RTP)
			}
		}
	})
	if err := other.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Read(make([]byte, 2048)); err != nil {
		t.Errorf("no forged hello was answered: %v", err)
	}
	g.phone.take(g.answer)
	g.keyed()
	close(stop)
	attack.Wait()
}
