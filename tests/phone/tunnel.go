package phone

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// Tunnel gives SIPp the TLS that it lacks: what connects to one end goes on to the other, one of them over TLS.
type Tunnel struct {
	Listen netip.AddrPort // port 0 picks one
	Server *tls.Config    // TLS where it listens
	From   netip.Addr     // source of the connections it makes
	To     netip.AddrPort
	Client *tls.Config // TLS where it connects to
}

// Start carries connections until the test ends, and returns the address that it listens at.
func (u Tunnel) Start(t testing.TB) netip.AddrPort {
	t.Helper()
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(u.Listen))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { u.carry(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// carry is one connection. A handshake that fails closes both ends, which is all that SIPp can be told.
func (u Tunnel) carry(ctx context.Context, near net.Conn) {
	defer near.Close()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(u.From, 0))}
	far, err := d.DialContext(ctx, "tcp", u.To.String())
	if err != nil {
		return
	}
	defer far.Close()
	if u.Server != nil {
		near = tls.Server(near, u.Server)
	}
	if u.Client != nil {
		far = tls.Client(far, u.Client)
	}
	ended := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
	defer ended()
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		wg.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = near.Close(), far.Close()
		})
	}
	wg.Wait()
}
