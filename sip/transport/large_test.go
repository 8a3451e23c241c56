package transport

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/txn"
)

// wide is the bubble's flow to a peer over UDP.
func wide(t *testing.T, b *bubble, hop txn.Hop) txn.Upgrader {
	t.Helper()
	f, err := b.tr.To("a", hop)
	if err != nil {
		t.Fatal(err)
	}
	up, ok := f.(txn.Upgrader)
	if !ok {
		t.Fatalf("%T knows no connection", f)
	}
	return up
}

func udpToo(cfg *Config) {
	cfg.Listeners = append(cfg.Listeners, Listener{Realm: "a", Network: "udp", Addr: ap("127.0.0.1:0"), Advertise: gatewayAt})
}

func TestUpgrade(t *testing.T) {
	b := newBubble(t, udpToo)
	defer b.stop()
	if f, err := b.tr.To("a", txn.Hop{Network: "udp", Addr: peerAt, Strict: true}); err != nil {
		t.Error(err)
	} else if _, ok := f.(txn.Upgrader); ok {
		t.Error("a target that is UDP in words knows a connection")
	}
	if f, err := b.tr.UDP("a", peerAt); err != nil {
		t.Error(err)
	} else if _, ok := f.(txn.Upgrader); ok {
		t.Error("the flow back to a source knows a connection")
	}
	none := wide(t, newUDPOnly(t), txn.Hop{Network: "udp", Addr: peerAt})
	if none.Upgrade() != nil {
		t.Error("a realm without a TCP listener connects")
	}
}

func newUDPOnly(t *testing.T) *bubble {
	b := newBubble(t, func(cfg *Config) { cfg.Listeners = nil }, udpToo)
	t.Cleanup(b.stop)
	return b
}

// TestUpgradeRefused: a peer that takes no connection is left alone with them for ten minutes.
func TestUpgradeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		defer b.stop()
		f := &widened{&udpFlow{&udpSocket{t: b.tr, realm: "a", local: gatewayAt}, peerAt}}
		way := f.Upgrade() // nobody listens at peerAt
		if way == nil || way.Transport() != "TCP" || way.Remote() != peerAt {
			t.Fatalf("%+v", way)
		}
		_ = way.Send([]byte("INVITE"))
		synctest.Wait()
		if way.Connected() {
			t.Error("connected to nobody")
		}
		way.GiveUp()
		if f.Upgrade() != nil {
			t.Error("tried again at once")
		}
		if err := way.Send([]byte("INVITE")); !errors.Is(err, ErrClosed) {
			t.Errorf("it still takes messages: %v", err)
		}
		time.Sleep(narrowFor)
		if f.Upgrade() == nil {
			t.Error("never tried again")
		}
		synctest.Wait()
	})
}

// TestUpgradeConnected: a connection that has come about is not given up, and is used again.
func TestUpgradeConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		defer b.stop()
		ln := b.pipes.Listen(peerAt)
		defer ln.Close()
		f := &widened{&udpFlow{&udpSocket{t: b.tr, realm: "a", local: gatewayAt}, peerAt}}
		way := f.Upgrade()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait()
		way.GiveUp()
		again := f.Upgrade()
		if !way.Connected() || again == nil || again.Key() != way.Key() {
			t.Errorf("connected %t, again %+v", way.Connected(), again)
		}
	})
}

func TestNarrowIsBounded(t *testing.T) {
	var n narrow
	now := time.Now()
	for i := range 3 * maxNarrow {
		n.put(reach{"a", ap(fmt.Sprintf("192.0.2.1:%d", i+1))}, now)
	}
	if len(n.until) > maxNarrow {
		t.Errorf("%d peers", len(n.until))
	}
}
