package main

import (
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"

	"drawbridge/config"
)

// A realm that asks a STUN server announces what it was told, in media and in SIP; the snapshot that was read stays as it was.
func TestFindAddresses(t *testing.T) {
	nat := netip.MustParseAddr("127.0.9.9") // bound to loopback, the gateway takes loopback for public
	snap, err := config.Parse("F", []byte(`realms: {access: {media: {udp: 40000}}, carrier: {listen: ["udp:127.0.0.1:0"], media: {advertise: "stun:`+answers(t, nat)+`"}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{log: slog.New(slog.DiscardHandler)}
	told, err := g.findAddresses(t.Context(), nil, snap)
	if err != nil {
		t.Fatal(err)
	}
	realms, err := mediaRealms(told)
	if err != nil {
		t.Fatal(err)
	}
	if got := realms["carrier"].Advertise; got != nat {
		t.Errorf("media announces %s, want %s", got, nat)
	}
	for _, l := range listeners(told) {
		if l.Realm == "carrier" && l.Advertise.Addr() != nat {
			t.Errorf("SIP announces %s, want %s", l.Advertise, nat)
		}
	}
	if a := snap.Realms["carrier"].Media.Advertise.Addr; a.IsValid() {
		t.Errorf("what was read has changed: %s", a)
	}
}

// answers is a STUN server that sees everybody at one address.
func answers(t *testing.T, seen netip.Addr) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1500); ; {
			n, src, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			m := &stun.Message{Raw: b[:n]}
			if m.Decode() != nil {
				continue
			}
			_, _ = conn.WriteToUDPAddrPort(stun.MustBuild(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
				&stun.XORMappedAddress{IP: seen.AsSlice(), Port: int(src.Port())}).Raw, src) // lost: it is asked for again
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().String()
}
