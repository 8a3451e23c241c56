package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// TestUnprovedWebSocket ends 15 s after it began, however many requests come on it; one on which somebody has proved to be somebody stays.
func TestUnprovedWebSocket(t *testing.T) {
	for _, proves := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var refused []telemetry.Refused
			got := new(transporttest.Recorder)
			tr, err := New(Config{Receiver: got, Events: telemetry.Listener{Refused: func(e telemetry.Refused) { refused = append(refused, e) }}})
			if err != nil {
				t.Fatal(err)
			}
			got.Then = func(f txn.Flow, _ []byte) {
				if proves {
					f.(txn.Guarded).Proved()
				}
			}
			conn, peer := upgraded(t)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan time.Duration, 1)
			began := time.Now()
			go func() {
				tr.ServeWS(ctx, conn, "access", true, ap("203.0.113.9:443"))
				done <- time.Since(began)
			}()
			go func() {
				for range 5 {
					time.Sleep(2 * time.Second)
					_ = peer.WriteMessage(websocket.TextMessage, []byte("REGISTER"))
				}
				time.Sleep(10 * time.Second)
				stop()
			}()
			_, _, err = peer.ReadMessage()
			took := <-done
			switch code := websocket.IsCloseError(err, websocket.ClosePolicyViolation); {
			case proves && (took < 19*time.Second || code || len(refused) != 0):
				t.Errorf("a proved one ended after %v: %v", took, err)
			case !proves && (took != proofWait || !code || len(refused) != 1 || refused[0].Kind != "unproved"):
				t.Errorf("an unproved one ended after %v: %v, %v", took, err, refused)
			}
			time.Sleep(time.Minute)
			_ = peer.Close()
		})
	}
}

// TestUnprovedStream: the same of a connection from a source that is no trunk's.
func TestUnprovedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) { c.Known = func(_ string, a netip.Addr) bool { return a == peerAt.Addr() } })
		b.got.Then = func(f txn.Flow, raw []byte) {
			if f.Remote().Port() == 1 {
				f.(txn.Guarded).Proved()
			}
		}
		began := time.Now()
		for _, tt := range []struct {
			from string
			ends bool
		}{{"203.0.113.5:2", true}, {"203.0.113.5:1", false}, {"198.51.100.1:2", false}} {
			p := b.dial(t, ap(tt.from))
			p.write(t, sipMessage("", "l: 0"))
			time.Sleep(proofWait + time.Second)
			synctest.Wait()
			if ended := len(p.heard) == 1; ended != tt.ends {
				t.Errorf("%s: ended %v after %v", tt.from, ended, time.Since(began))
			}
			if _, lost := taken(b.got.Take()); tt.ends && (len(lost) != 1 || !errors.Is(lost[0], ErrUnproved)) {
				t.Errorf("%s: lost %v", tt.from, lost)
			}
			_ = p.Close()
		}
		b.stop()
	})
}

// TestProvedByName: from an address that is nobody's, a connection stays whose peer has proved the name of one; any other certificate is
// worth no more than none.
func TestProvedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		own := ca.issue(t, "gateway.example")
		own.CA = ca.file
		realm := tlsRealm(own, Peer{Realm: "a", Name: "peer.example", Keys: own})
		b := newBubble(t, func(c *Config) {
			realm(c)
			c.Known = func(string, netip.Addr) bool { return false }
		})
		for name, stays := range map[string]bool{"peer.example": true, "other.example": false} {
			c, err := b.shake(t, &tls.Config{RootCAs: ca.pool(), ServerName: "gateway.example", Certificates: []tls.Certificate{pair(t, ca.issue(t, name))}})
			if err != nil {
				t.Fatal(err)
			}
			p := collect(c)
			p.write(t, sipMessage("", "l: 0"))
			time.Sleep(proofWait + time.Second)
			synctest.Wait()
			if stayed := len(p.heard) == 0; stayed != stays {
				t.Errorf("%s stays: %v", name, stayed)
			}
			_ = p.Close()
		}
		b.stop()
	})
}

// TestWebSocketPace: a client's burst passes, its flood is slowed down and nothing of it is lost.
func TestWebSocketPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t)
		p.flow.paced = true
		const extra = 100
		began := time.Now()
		for range paceBurst + extra {
			if err := p.peer.WriteMessage(websocket.TextMessage, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if took := time.Since(began); took < (extra-2)*paceEvery || took > extra*paceEvery {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(p.got.Take()); n != paceBurst+extra {
			t.Errorf("%d messages", n)
		}
		p.flow.end(errors.New("enough"), websocket.CloseNormalClosure)
		_, _, _ = p.peer.ReadMessage()
		<-p.done
		_ = p.peer.Close()
	})
}
