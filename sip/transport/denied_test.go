package transport

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"drawbridge/telemetry"
)

// TestDatagramsOfTheDenied are not read, nor is there an event for each.
func TestDatagramsOfTheDenied(t *testing.T) {
	s, refused := newSink(), make(chan telemetry.Refused, 16)
	var asked atomic.Int32
	tr := start(t, Config{
		Receiver: s, Events: events(refused), Listeners: []Listener{{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0")}},
		Datagram: func(realm string, _ netip.Addr) bool { return realm == "a" && asked.Add(1) > 2 },
	})
	peer, to := dialUDP(t), tr.Addrs("a")[0]
	write(t, peer, to, "one")
	write(t, peer, to, "\r\n\r\n")
	write(t, peer, to, "three")
	if m := wait(t, s.got); m.text != "three" {
		t.Errorf("received %q", m.text)
	}
	if len(refused) != 0 {
		t.Errorf("an event: %+v", <-refused)
	}
}

// TestConnectionsOfTheDenied: none is accepted, and one that is open ends with its next message.
func TestConnectionsOfTheDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := false
		b := newBubble(t, func(c *Config) { c.Denied = func(string, netip.Addr) bool { return denied } })
		p := b.dial(t, peerAt)
		msg := sipMessage("hi", "l: 2")
		p.write(t, msg)
		synctest.Wait()
		if texts, _ := taken(b.got.Take()); len(texts) != 1 {
			t.Fatalf("received %q", texts)
		}
		denied = true
		p.write(t, msg)
		if text := <-p.heard; text != "" {
			t.Errorf("heard %q", text)
		}
		synctest.Wait()
		if texts, lost := taken(b.got.Take()); len(texts) != 0 || len(lost) != 1 {
			t.Errorf("received %q, lost %v", texts, lost)
		}
		again := b.dial(t, peerAt)
		if text := <-again.heard; text != "" || len(b.refused) != 0 {
			t.Errorf("heard %q, events %v", text, b.refused)
		}
		_ = p.Close()
		_ = again.Close()
		b.stop()
	})
}

// TestWebSocketOfTheDenied ends with its next message, which nobody reads.
func TestWebSocketOfTheDenied(t *testing.T) {
	var denied atomic.Bool
	s := newServer(t, Config{Denied: func(string, netip.Addr) bool { return denied.Load() }}, false)
	conn := s.dial(t)
	writeWS(t, conn, websocket.TextMessage, "one")
	if m := wait(t, s.sink.got); m.text != "one" {
		t.Fatalf("received %q", m.text)
	}
	denied.Store(true)
	writeWS(t, conn, websocket.TextMessage, "two")
	closeCode(t, conn)
	wait(t, s.sink.lost)
	if len(s.sink.got) != 0 {
		t.Error("the message was read")
	}
}
