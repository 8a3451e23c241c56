package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"drawbridge/telemetry"
)

// server is an HTTP server that hands its WebSockets to a Transport, as web does.
type server struct {
	*httptest.Server
	tr     *Transport
	sink   *sink
	served chan struct{} // one value for each ServeWS that has returned
	stop   context.CancelCauseFunc
}

func newServer(t *testing.T, cfg Config, secure bool) *server {
	s := &server{sink: newSink(), served: make(chan struct{}, 64)}
	cfg.Receiver = s.sink
	s.tr = start(t, cfg)
	ctx, stop := context.WithCancelCause(context.Background())
	s.stop = stop
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{Subprotocols: []string{"sip"}}
		if r.URL.Path == "/chat" {
			up.Subprotocols = []string{"chat"}
		}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		s.tr.ServeWS(ctx, conn, "access", secure, ap("203.0.113.9:443"))
		s.served <- struct{}{}
	})
	if secure {
		s.Server = httptest.NewTLSServer(h)
	} else {
		s.Server = httptest.NewServer(h)
	}
	t.Cleanup(func() { stop(nil); s.Close() })
	return s
}

func (s *server) url() string { return "ws" + strings.TrimPrefix(s.URL, "http") }

// dial opens a raw WebSocket, small frames: what is longer goes out in fragments.
func (s *server) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"sip"}, WriteBufferSize: 64}
	conn, resp, err := d.Dial(s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func writeWS(t *testing.T, c *websocket.Conn, kind int, s string) {
	t.Helper()
	if err := c.WriteMessage(kind, []byte(s)); err != nil {
		t.Fatal(err)
	}
}

func readWS(t *testing.T, c *websocket.Conn) (int, string) {
	t.Helper()
	kind, b, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return kind, string(b)
}

// closeCode reads until the server closes.
func closeCode(t *testing.T, c *websocket.Conn) int {
	t.Helper()
	for {
		_, _, err := c.ReadMessage()
		if e, ok := errors.AsType[*websocket.CloseError](err); ok {
			return e.Code
		}
		if err != nil {
			t.Fatalf("no close code: %v", err)
		}
	}
}

// TestFrames: text and binary, whole and in fragments, in order, one message each.
func TestFrames(t *testing.T) {
	s := newServer(t, Config{}, false)
	c := s.dial(t)
	long := strings.Repeat("0123456789", 5000)
	for kind, text := range map[int]string{websocket.TextMessage: "text", websocket.BinaryMessage: "binary"} {
		for _, want := range []string{text, text + long, text + " again"} {
			writeWS(t, c, kind, want)
			if got := wait(t, s.sink.got); got.text != want {
				t.Errorf("received %d bytes, sent %d", len(got.text), len(want))
			}
		}
	}
	writeWS(t, c, websocket.TextMessage, "last")
	f := wait(t, s.sink.got).flow
	for _, text := range []string{"one", "two", long, "no UTF-8: \xff"} {
		if err := f.Send([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"one", "two", long} {
		if kind, got := readWS(t, c); kind != websocket.TextMessage || got != want {
			t.Errorf("kind %d, %d bytes", kind, len(got))
		}
	}
	if kind, got := readWS(t, c); kind != websocket.BinaryMessage || got != "no UTF-8: \xff" {
		t.Errorf("kind %d, %q", kind, got)
	}
}

func TestWSFlow(t *testing.T) {
	s := newServer(t, Config{}, false)
	a, b := s.dial(t), s.dial(t)
	writeWS(t, a, websocket.TextMessage, "a")
	fa := wait(t, s.sink.got).flow
	writeWS(t, b, websocket.TextMessage, "b")
	fb := wait(t, s.sink.got).flow
	if fa.Key() == fb.Key() {
		t.Error("two connections, one key")
	}
	if fa.Transport() != "WS" || !fa.Reliable() || fa.Realm() != "access" || fa.SentBy() != ap("203.0.113.9:443") || fa.Remote() != addrPort(a.LocalAddr()) {
		t.Errorf("flow %v %v %v %v %v", fa.Transport(), fa.Reliable(), fa.Realm(), fa.SentBy(), fa.Remote())
	}
}

func TestWSKeepalive(t *testing.T) {
	s := newServer(t, Config{}, false)
	c := s.dial(t)
	writeWS(t, c, websocket.TextMessage, "\r\n")
	writeWS(t, c, websocket.TextMessage, "\r\n\r\n")
	if _, got := readWS(t, c); got != "\r\n" {
		t.Errorf("answer %q", got)
	}
	pong := make(chan string, 1)
	c.SetPongHandler(func(s string) error { pong <- s; return nil })
	if err := c.WriteControl(websocket.PingMessage, []byte("payload"), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	writeWS(t, c, websocket.TextMessage, "\r\n\r\n")
	readWS(t, c)
	if got := wait(t, pong); got != "payload" {
		t.Errorf("pong %q", got)
	}
	if len(s.sink.got) != 0 {
		t.Error("a keepalive was handed on")
	}
}

// TestCloseCodes: a message too large 1009, a protocol error 1002; the receiver hears FlowLost once.
func TestCloseCodes(t *testing.T) {
	for name, row := range map[string]struct {
		send func(c *websocket.Conn) error
		code int
	}{
		"one byte too many": {func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.TextMessage, make([]byte, maxMessage+1))
		}, websocket.CloseMessageTooBig},
		"announced length of 2^62": {func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
			return err
		}, websocket.CloseMessageTooBig},
		"not masked": {func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0x81, 1, 'x'})
			return err
		}, websocket.CloseProtocolError},
		"unknown opcode": {func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0x83, 0x80, 1, 2, 3, 4})
			return err
		}, websocket.CloseProtocolError},
		"compressed without leave": {func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0xc1, 0x80, 1, 2, 3, 4})
			return err
		}, websocket.CloseProtocolError},
		"client closes": {func(c *websocket.Conn) error {
			return c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		}, websocket.CloseNormalClosure},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, Config{}, false)
			c := s.dial(t)
			if err := row.send(c); err != nil {
				t.Fatal(err)
			}
			if got := closeCode(t, c); got != row.code {
				t.Errorf("closed with %d", got)
			}
			_ = c.Close()
			if err := wait(t, s.sink.lost); err == nil {
				t.Error("lost without a reason")
			}
			wait(t, s.served)
			if len(s.sink.lost) != 0 || len(s.sink.got) != 0 {
				t.Error("lost twice, or something was handed on")
			}
		})
	}
}

func TestMessageOfFullSize(t *testing.T) {
	s := newServer(t, Config{}, false)
	c := s.dial(t)
	want := bytes.Repeat([]byte{'x'}, maxMessage)
	if err := c.WriteMessage(websocket.TextMessage, want); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, s.sink.got); got.text != string(want) {
		t.Errorf("%d bytes", len(got.text))
	}
}

func TestFlowLimits(t *testing.T) {
	refused := make(chan telemetry.Refused, 16)
	for name, cfg := range map[string]Config{
		"in all": {MaxFlows: 2, Events: events(refused)}, "of a source": {MaxFlowsPerSource: 2, Events: events(refused)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, cfg, false)
			open := []*websocket.Conn{s.dial(t), s.dial(t)}
			for _, c := range open {
				writeWS(t, c, websocket.TextMessage, "hello")
				wait(t, s.sink.got)
			}
			if got := closeCode(t, s.dial(t)); got != websocket.CloseTryAgainLater {
				t.Errorf("closed with %d", got)
			}
			wait(t, s.served)
			want := telemetry.Refused{Kind: "ws-limit", Realm: "access", Source: "127.0.0.1", Count: 1}
			if diff := cmp.Diff(want, wait(t, refused)); diff != "" {
				t.Error(diff)
			}
			if len(s.sink.lost) != 0 {
				t.Error("FlowLost for a flow that never was")
			}
			_ = open[0].Close()
			wait(t, s.served)
			c := s.dial(t)
			writeWS(t, c, websocket.TextMessage, "room again")
			wait(t, s.sink.got)
			if got := s.tr.Stats().Flows; got != 2 {
				t.Errorf("%d flows", got)
			}
		})
	}
}

func TestSource(t *testing.T) {
	for addr, want := range map[string]string{
		"198.51.100.7": "198.51.100.7/32", "::ffff:198.51.100.7": "198.51.100.7/32", "2001:db8::1": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := source(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
}

func TestServerStops(t *testing.T) {
	s := newServer(t, Config{}, false)
	c := s.dial(t)
	writeWS(t, c, websocket.TextMessage, "hello")
	f := wait(t, s.sink.got).flow
	why := errors.New("drained")
	s.stop(why)
	if got := closeCode(t, c); got != websocket.CloseGoingAway {
		t.Errorf("closed with %d", got)
	}
	if err := wait(t, s.sink.lost); !errors.Is(err, why) {
		t.Errorf("lost: %v", err)
	}
	if err := f.Send([]byte("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after the end: %v", err)
	}
}

func TestDialWS(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newServer(t, Config{}, secure)
		var config *tls.Config
		if secure {
			roots := x509.NewCertPool()
			roots.AddCert(s.Certificate())
			config = &tls.Config{RootCAs: roots}
		}
		client := newSink()
		f, closer, err := DialWS(t.Context(), s.url(), config, client, "caller")
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "WSS", false: "WS"}[secure]
		if f.Transport() != want || f.Realm() != "caller" || !f.SentBy().IsValid() {
			t.Errorf("flow %s %s %s", f.Transport(), f.Realm(), f.SentBy())
		}
		if err := f.Send([]byte("ask")); err != nil {
			t.Fatal(err)
		}
		in := wait(t, s.sink.got)
		if in.text != "ask" || in.flow.Transport() != want {
			t.Errorf("%q over %s", in.text, in.flow.Transport())
		}
		if err := in.flow.Send([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		if m := wait(t, client.got); m.text != "answer" || m.flow.Key() != f.Key() {
			t.Errorf("%q", m.text)
		}
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
		if err := wait(t, client.lost); !errors.Is(err, ErrClosed) {
			t.Errorf("lost: %v", err)
		}
		wait(t, s.sink.lost)
	}
}

func TestDialWSErrors(t *testing.T) {
	s := newServer(t, Config{}, false)
	if _, _, err := DialWS(t.Context(), s.url()+"/chat", nil, newSink(), "caller"); !errors.Is(err, ErrSubprotocol) {
		t.Errorf("other subprotocol: %v", err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, _, err := DialWS(t.Context(), "ws"+strings.TrimPrefix(plain.URL, "http"), nil, newSink(), "caller")
	if !errors.Is(err, websocket.ErrBadHandshake) || !strings.Contains(err.Error(), "404") {
		t.Errorf("no WebSocket: %v", err)
	}
}
