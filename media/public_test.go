package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

// stunAt runs a STUN server that answers the nth request with what say makes of its source; an invalid address is silence.
func stunAt(t *testing.T, say func(n int, src netip.AddrPort) netip.AddrPort) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for n := 0; ; n++ {
			size, src, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			m := &stun.Message{Raw: append([]byte(nil), b[:size]...)}
			if m.Decode() != nil {
				continue
			}
			if seen := say(n, src); seen.IsValid() {
				answer := stun.MustBuild(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
					&stun.XORMappedAddress{IP: seen.Addr().AsSlice(), Port: int(seen.Port())}, stun.Fingerprint)
				_, _ = conn.WriteToUDPAddrPort(stun.MustBuild(stun.TransactionID, stun.BindingSuccess).Raw, src) // somebody else's
				_, _ = conn.WriteToUDPAddrPort(answer.Raw, src)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().String()
}

// TestAskPublic: local is loopback, so loopback addresses stand for public ones.
func TestAskPublic(t *testing.T) {
	t.Parallel()
	nat := netip.MustParseAddr("127.0.9.9")
	for _, row := range []struct {
		name string
		say  func(n int, src netip.AddrPort) netip.AddrPort
		want Public
		err  error
	}{
		{"a 1:1 NAT", func(_ int, src netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(nat, src.Port()) }, Public{nat, true}, nil},
		{"no NAT", func(_ int, src netip.AddrPort) netip.AddrPort { return src }, Public{localhost, true}, nil},
		{"a NAT that moves ports", func(_ int, src netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(nat, src.Port()^1) }, Public{nat, false}, nil},
		{"the first request is lost", func(n int, src netip.AddrPort) netip.AddrPort {
			if n == 0 {
				return netip.AddrPort{}
			}
			return src
		}, Public{localhost, true}, nil},
		{"two addresses", func(n int, src netip.AddrPort) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 9, byte(n)}), src.Port())
		}, Public{}, ErrPublic},
		{"nowhere", func(int, netip.AddrPort) netip.AddrPort { return netip.MustParseAddrPort("0.0.0.0:9") }, Public{}, ErrPublic},
		{"multicast", func(int, netip.AddrPort) netip.AddrPort { return netip.MustParseAddrPort("239.0.0.1:9") }, Public{}, ErrPublic},
		{"the other family", func(int, netip.AddrPort) netip.AddrPort { return netip.MustParseAddrPort("[2001:db8::1]:9") }, Public{}, ErrPublic},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := AskPublic(t.Context(), localhost, stunAt(t, row.say))
			if got != row.want || !errors.Is(err, row.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, row.want, row.err)
			}
		})
	}
}

// A server that says nothing is given up, at once when the program is told to end.
func TestAskPublicGivesUp(t *testing.T) {
	t.Parallel()
	silent := stunAt(t, func(int, netip.AddrPort) netip.AddrPort { return netip.AddrPort{} })
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("the program ends")
	cancel(ended)
	if _, err := AskPublic(ctx, localhost, silent); !errors.Is(err, ended) {
		t.Errorf("got %v", err)
	}
	if _, err := AskPublic(t.Context(), localhost, "no-port"); err == nil {
		t.Error("an address without a port was asked")
	}
}

// What is taken for an answer has our transaction in it and an address.
func FuzzMappedAddress(f *testing.F) {
	id := [stun.TransactionIDSize]byte{1, 2, 3}
	f.Add(stun.MustBuild(stun.NewTransactionIDSetter(id), stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 1), Port: 9}).Raw)
	f.Add(stun.MustBuild(stun.NewTransactionIDSetter(id), stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv6loopback, Port: 9}, stun.Fingerprint).Raw)
	f.Add([]byte{1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := mappedAddress(b, id); ok && (!a.Addr().IsValid() || len(b) < 20 || [stun.TransactionIDSize]byte(b[8:20]) != id) {
			t.Errorf("took %s from % x", a, b)
		}
	})
}
