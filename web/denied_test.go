package web

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// TestDenied: whoever is denied gets no connection, and a line that is open ends with its next message. Who has logged in is told of.
func TestDenied(t *testing.T) {
	var denied atomic.Bool
	proved := make(chan netip.Addr, 1)
	h := open(t, func(c *Config) {
		c.Denied = func(netip.Addr) bool { return denied.Load() }
		c.Proved = func(src netip.Addr) { proved <- src }
	})
	line := h.signedIn()
	if src := within(t, "the login", proved); !src.IsLoopback() {
		t.Errorf("proved: %s", src)
	}
	denied.Store(true)
	line.say(`{"type":"call","call":"c1","to":"100","sdp":"v=0"}`)
	line.closed()
	if len(h.calls.signals) != 0 {
		t.Error("the message was taken")
	}
	conn, err := net.Dial("tcp", h.plain.String())
	if err != nil {
		return // reset before it was open
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the connection is held: %v", err)
	}
}
