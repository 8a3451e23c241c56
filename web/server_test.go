package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"drawbridge/telemetry"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want error
	}{
		{"plain on every interface", Config{Plain: []string{":0"}}, ErrNotLoopback},
		{"plain on 0.0.0.0", Config{Plain: []string{"0.0.0.0:0"}}, ErrNotLoopback},
		{"plain on a public address", Config{Plain: []string{"192.0.2.1:0"}}, ErrNotLoopback},
		{"TLS without a certificate", Config{Listen: []string{"127.0.0.1:0"}}, ErrNoTLS},
		{"signalling without passwords", Config{Signals: newCalls()}, ErrNoPasswords},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.cfg); !errors.Is(err, tt.want) {
				t.Errorf("New: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestUpgradeIsRefusedBeforeThe101(t *testing.T) {
	h := open(t, func(c *Config) {
		c.Origins = []string{"https://ok.example.com"}
		c.SIP = func(context.Context, *websocket.Conn, bool, netip.AddrPort) {
			t.Error("a refused connection reached SIP")
		}
	})
	own := "https://" + h.tls.String()
	tests := []struct {
		name, path, protocol string
		origin               []string
		status               int
		kind                 string
	}{
		{"no origin", "/sip", "sip", nil, 403, "ws-origin"},
		{"null origin", "/sip", "sip", []string{"null"}, 403, "ws-origin"},
		{"foreign origin", "/", "sip", []string{"https://evil.com"}, 403, "ws-origin"},
		{"allowed name as a prefix", "/sip", "sip", []string{"https://ok.example.com.evil.com"}, 403, "ws-origin"},
		{"allowed name with another port", "/sip", "sip", []string{"https://ok.example.com:444"}, 403, "ws-origin"},
		{"own name without TLS", "/sip", "sip", []string{"http://" + h.tls.String()}, 403, "ws-origin"},
		{"two origins", "/sip", "sip", []string{own, "https://evil.com"}, 403, "ws-origin"},
		{"no subprotocol", "/sip", "", []string{own}, 400, "ws-subprotocol"},
		{"wrong subprotocol", "/", "drawbridge.v1", []string{own}, 400, "ws-subprotocol"},
		{"wrong subprotocol for signalling", SignalPath, "sip", []string{own}, 400, "ws-subprotocol"},
		{"foreign origin for signalling", SignalPath, SignalProtocol, []string{"https://evil.com"}, 403, "ws-origin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, resp, err := h.dial("wss://"+h.tls.String()+tt.path, tt.protocol, http.Header{"Origin": tt.origin})
			if err == nil {
				_ = conn.Close()
				t.Fatal("upgraded")
			}
			if resp == nil || resp.StatusCode != tt.status {
				t.Fatalf("answer %v, want %d (%v)", resp, tt.status, err)
			}
			if e := within(t, "event", h.refused); e.Kind != tt.kind || e.Realm != "access" || e.Source == "" || e.Count != 1 {
				t.Errorf("event %+v, want kind %s", e, tt.kind)
			}
		})
	}
}

func TestPlainGetOfAWebSocketPathIs426(t *testing.T) {
	h := open(t, func(c *Config) { c.SIP = func(context.Context, *websocket.Conn, bool, netip.AddrPort) {} })
	for _, path := range []string{"/sip", SignalPath} {
		resp := get(t, "http://"+h.plain.String()+path, nil)
		if resp.StatusCode != http.StatusUpgradeRequired || resp.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%s: %d, Upgrade %q", path, resp.StatusCode, resp.Header.Get("Upgrade"))
		}
	}
}

func TestSIPConnectionIsHandedOver(t *testing.T) {
	type got struct {
		secure bool
		local  netip.AddrPort
		text   string
	}
	seen := make(chan got, 1)
	h := open(t, func(c *Config) {
		c.Origins = []string{"https://ok.example.com"}
		c.SIP = func(ctx context.Context, conn *websocket.Conn, secure bool, local netip.AddrPort) {
			_, raw, err := conn.ReadMessage()
			if err != nil {
				t.Errorf("read: %v", err)
			}
			seen <- got{secure, local, string(raw)}
		}
	})
	for _, tt := range []struct {
		name, url, origin string
		secure            bool
		local             netip.AddrPort
	}{
		{"TLS, own origin", "wss://" + h.tls.String() + "/", "https://" + h.tls.String(), true, h.tls},
		{"TLS, listed origin", "wss://" + h.tls.String() + "/sip", "https://ok.example.com", true, h.tls},
		{"plain loopback", "ws://" + h.plain.String() + "/sip", "http://" + h.plain.String(), false, h.plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, resp, err := h.dial(tt.url, "sip", http.Header{"Origin": {tt.origin}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if p := conn.Subprotocol(); p != "sip" {
				t.Errorf("subprotocol %q", p)
			}
			if ext := resp.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
				t.Errorf("extensions %q: compression must stay off", ext)
			}
			if err := conn.WriteMessage(websocket.TextMessage, []byte("OPTIONS")); err != nil {
				t.Fatal(err)
			}
			if g := within(t, "SIP", seen); g != (got{tt.secure, tt.local, "OPTIONS"}) {
				t.Errorf("handed over: %+v", g)
			}
		})
	}
}

func TestNoOriginWhenAllowed(t *testing.T) {
	served := make(chan struct{}, 1)
	h := open(t, func(c *Config) {
		c.AllowNoOrigin = true
		c.SIP = func(context.Context, *websocket.Conn, bool, netip.AddrPort) { served <- struct{}{} }
	})
	conn, _, err := h.dial("wss://"+h.tls.String()+"/sip", "sip", http.Header{})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	within(t, "SIP", served)
}

func TestSilentClientsHoldNobodyUp(t *testing.T) {
	h := open(t, nil)
	for range 50 {
		c, err := net.Dial("tcp", h.tls.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.roots}, DisableKeepAlives: true}}
	start := time.Now()
	resp, err := client.Get("https://" + h.tls.String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if d := time.Since(start); d > headerTimeout-time.Second {
		t.Errorf("the page took %v behind silent clients", d)
	}
}

func TestSlowHeadersAndHandshakesAreCutOff(t *testing.T) {
	h := open(t, nil, func(s *Server) {
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = 50*time.Millisecond, 50*time.Millisecond
	})
	for name, tt := range map[string]struct {
		at  netip.AddrPort
		say string
	}{
		"half a request":   {h.plain, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "},
		"half a handshake": {h.tls, "\x16\x03\x01\x02\x00\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", tt.at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if _, err := io.WriteString(c, tt.say); err != nil {
				t.Fatal(err)
			}
			if err := c.SetReadDeadline(time.Now().Add(4 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Error("the connection stays open")
			}
		})
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestShareOfOneSource(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxConnsPerSource = 2 })
	// served connects and asks for a page. A connection that is refused is reset, which the dialler may notice already.
	served := func(from string) bool {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.DialContext(t.Context(), "tcp", h.plain.String())
		if errors.Is(err, syscall.ECONNRESET) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return alive(t, c)
	}
	for range 2 {
		if !served("127.0.0.1") {
			t.Fatal("one of the first two was refused")
		}
	}
	if served("127.0.0.1") {
		t.Error("the third of one source was served")
	}
	if e := within(t, "event", h.refused); e.Kind != "ws-limit" {
		t.Errorf("event %+v", e)
	}
	if !served("127.0.0.2") {
		t.Error("another source was refused")
	}
}

// alive asks for a page and tells whether it came.
func alive(t *testing.T, c net.Conn) bool {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /phone.json HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

func TestRunEndsEverything(t *testing.T) {
	sipEnded := make(chan struct{})
	sipIn := make(chan struct{})
	h := open(t, func(c *Config) {
		c.SIP = func(ctx context.Context, conn *websocket.Conn, _ bool, _ netip.AddrPort) {
			close(sipIn)
			<-ctx.Done()
			close(sipEnded)
		}
	})
	sip, _, err := h.dial("wss://"+h.tls.String()+"/", "sip", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sip.Close() }()
	within(t, "SIP", sipIn)
	page := h.signedIn()
	waiting := h.client() // has not said hello
	h.stop()
	if code := page.closed(); code != websocket.CloseGoingAway {
		t.Errorf("a line closed with %d, want 1001", code)
	}
	if code := waiting.closed(); code != websocket.CloseGoingAway {
		t.Errorf("a line before hello closed with %d, want 1001", code)
	}
	within(t, "end of SIP", sipEnded)
	within(t, "LineLost", h.calls.lost)
	if err := within(t, "Run", h.ended); err != nil {
		t.Errorf("Run: %v", err)
	}
	h.ended <- nil
	if n := h.Connections(); n != 0 {
		t.Errorf("%d connections counted after the end", n)
	}
}

func TestPanicEndsOneRequest(t *testing.T) {
	panics := make(chan telemetry.Lifecycle, 1)
	h := open(t, func(c *Config) {
		c.SIP = func(context.Context, *websocket.Conn, bool, netip.AddrPort) { panic("broken") }
		c.Events.Lifecycle = func(e telemetry.Lifecycle) { panics <- e }
	})
	conn, _, err := h.dial("wss://"+h.tls.String()+"/", "sip", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if e := within(t, "event", panics); e.What != "panic" || !strings.Contains(e.Detail, "broken") {
		t.Errorf("event %+v", e)
	}
	if resp := get(t, "http://"+h.plain.String()+"/", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards the page is %d", resp.StatusCode)
	}
}
