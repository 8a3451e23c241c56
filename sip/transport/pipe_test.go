package transport

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"drawbridge/sip/transport/transporttest"
)

// piped is a WebSocket over net.Pipe in a synctest bubble: a flow under test and its raw peer.
type piped struct {
	got   *transporttest.Recorder
	peer  *websocket.Conn
	flow  *wsFlow
	ended time.Time // when run has returned
	done  chan struct{}
}

func newPiped(t *testing.T) *piped {
	conn, peer := upgraded(t)
	p := &piped{got: new(transporttest.Recorder), peer: peer, done: make(chan struct{})}
	p.flow = newWS(conn, p.got, "access", maxMessage)
	go func() {
		defer close(p.done)
		p.flow.run(context.Background())
		p.ended = time.Now()
	}()
	return p
}

// upgraded makes both ends of a WebSocket over net.Pipe.
func upgraded(t *testing.T) (conn, peer *websocket.Conn) {
	here, there := net.Pipe()
	up := make(chan *websocket.Conn)
	go func() {
		r, err := http.ReadRequest(bufio.NewReader(here))
		if err != nil {
			t.Error(err)
		}
		conn, err := (&websocket.Upgrader{}).Upgrade(&hijacked{conn: here, header: http.Header{}}, r, nil)
		if err != nil {
			t.Error(err)
		}
		up <- conn
	}()
	dialer := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return there, nil }}
	peer, _, err := dialer.DialContext(t.Context(), "ws://gateway", nil)
	if err != nil {
		t.Fatal(err)
	}
	return <-up, peer
}

// lost returns why the flow ended; it must have, once.
func (p *piped) lost(t *testing.T) error {
	t.Helper()
	<-p.done
	records := p.got.Take()
	if n := len(records); n == 0 || records[n-1].Lost == nil {
		t.Fatalf("%d records, FlowLost not the last", n)
	}
	return records[len(records)-1].Lost
}

// timedOut: gorilla hides what it wraps.
func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

type hijacked struct {
	conn   net.Conn
	header http.Header
}

func (h *hijacked) Header() http.Header       { return h.header }
func (h *hijacked) Write([]byte) (int, error) { return 0, errors.New("not hijacked") }
func (h *hijacked) WriteHeader(int)           {}
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// TestPings: every 20 to 30 s, not in step; a peer that answers stays for hours.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t)
		var gaps []time.Duration
		last := time.Now()
		p.peer.SetPingHandler(func(string) error {
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			if len(gaps) == 300 {
				return errors.New("enough")
			}
			return p.peer.WriteControl(websocket.PongMessage, nil, time.Time{})
		})
		_, _, err := p.peer.ReadMessage()
		if err == nil || err.Error() != "enough" {
			t.Errorf("closed: %v", err)
		}
		if lo, hi := slices.Min(gaps), slices.Max(gaps); lo < 20*time.Second || hi > 30*time.Second || hi-lo < 5*time.Second {
			t.Errorf("pings every %v to %v", lo, hi)
		}
		_ = p.peer.Close()
		p.lost(t)
	})
}

// TestSilentPeerIsGone 10 s after a ping at the latest.
func TestSilentPeerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t)
		began := time.Now()
		p.peer.SetPingHandler(func(string) error { return nil }) // heard, not answered
		_, _, _ = p.peer.ReadMessage()
		if err := p.lost(t); !timedOut(err) {
			t.Errorf("lost: %v", err)
		}
		if got := p.ended.Sub(began); got < 30*time.Second || got > 41*time.Second {
			t.Errorf("after %v", got)
		}
		_ = p.peer.Close()
	})
}

// TestSlowMessage: a message that begins must end within 15 s, however alive the peer is.
func TestSlowMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t)
		began := time.Now()
		ponged := make(chan struct{})
		go func() {
			defer close(ponged)
			if _, err := p.peer.NetConn().Write([]byte{0x01, 0x81, 0, 0, 0, 0, 'I'}); err != nil { // first fragment
				t.Error(err)
			}
			for p.peer.WriteControl(websocket.PongMessage, nil, time.Time{}) == nil {
				time.Sleep(time.Second)
			}
		}()
		_, _, _ = p.peer.ReadMessage()
		if err := p.lost(t); !timedOut(err) {
			t.Errorf("lost: %v", err)
		}
		if got := p.ended.Sub(began); got > messageWait+2*closeWait {
			t.Errorf("after %v", got)
		}
		_ = p.peer.Close()
		<-ponged
	})
}

// TestPeerThatDoesNotRead: sending never blocks; the full queue ends the flow at once.
func TestPeerThatDoesNotRead(t *testing.T) {
	for name, size := range map[string]int{"messages": 10, "bytes": 10_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPiped(t)
				began := time.Now()
				sent := 0
				var err error
				for ; err == nil; sent++ {
					err = p.flow.Send(make([]byte, size))
					synctest.Wait()
				}
				if !errors.Is(err, ErrQueueFull) || sent*size > queueBytes+2*size || sent > queueMessages+2 || sent < 100 {
					t.Errorf("%v after %d messages", err, sent)
				}
				if time.Since(began) != 0 {
					t.Errorf("Send took %v", time.Since(began))
				}
				if err := p.lost(t); !errors.Is(err, ErrQueueFull) {
					t.Errorf("lost: %v", err)
				}
				if got := p.ended.Sub(began); got > 2*closeWait {
					t.Errorf("ended after %v", got)
				}
				if err := p.flow.Send(nil); !errors.Is(err, ErrClosed) {
					t.Errorf("Send after the end: %v", err)
				}
				_ = p.peer.Close()
			})
		})
	}
}

// TestStuckWrite: a peer that stops reading holds the writer no longer than its deadline, though the queue is not full.
func TestStuckWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t)
		began := time.Now()
		if err := p.flow.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := p.lost(t); !timedOut(err) {
			t.Errorf("lost: %v", err)
		}
		if got := p.ended.Sub(began); got > writeWait+closeWait {
			t.Errorf("after %v", got)
		}
		_ = p.peer.Close()
	})
}

// TestLinger: what the peer still sends when its message is refused is read for a moment. Closed with input unread, a TCP
// connection is reset, and the close code may be lost.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPiped(t)
		written := make(chan error)
		go func() {
			_, err := p.peer.NetConn().Write(append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 1, 2, 3, 4}, make([]byte, 128<<10)...))
			written <- err
		}()
		_, _, err := p.peer.ReadMessage()
		if !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
			t.Errorf("closed: %v", err)
		}
		if err := <-written; err != nil {
			t.Errorf("the rest: %v", err)
		}
		p.lost(t)
		_ = p.peer.Close()
	})
}
