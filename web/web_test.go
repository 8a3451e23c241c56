package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"drawbridge/b2bua"
	"drawbridge/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a running server with a TLS and a plain listener, and what it has said.
type house struct {
	*Server
	t       *testing.T
	tls     netip.AddrPort
	plain   netip.AddrPort
	roots   *x509.CertPool
	refused chan telemetry.Refused
	calls   *calls
	stop    context.CancelFunc
	ended   chan error
}

// open starts a house; edit may change the configuration and prepare the server before it runs.
func open(t *testing.T, edit func(*Config), prepare ...func(*Server)) *house {
	t.Helper()
	cert, roots := certificate(t)
	h := &house{t: t, roots: roots, refused: make(chan telemetry.Refused, 1000), calls: newCalls(), ended: make(chan error, 1)}
	cfg := Config{
		Listen: []string{"127.0.0.1:0"}, Plain: []string{"127.0.0.1:0"}, TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		Realm: "access", Signals: h.calls,
		CheckPassword: func(user, password string) bool { return user == "alice" && password == "secret" },
		Guests:        Guests{Numbers: func(string) []string { return []string{"100"} }},
		Events:        telemetry.Listener{Refused: func(e telemetry.Refused) { h.refused <- e }},
	}
	if edit != nil {
		edit(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(s)
	}
	h.Server, h.tls, h.plain = s, s.Addrs().TLS[0], s.Addrs().Plain[0]
	ctx, cancel := context.WithCancel(t.Context())
	h.stop = cancel
	go func() { h.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-h.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		h.ended <- nil
	})
	return h
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// dial opens a WebSocket as a page of the same origin would, unless header says otherwise.
func (h *house) dial(url, protocol string, header http.Header) (*websocket.Conn, *http.Response, error) {
	if header == nil {
		header = http.Header{"Origin": {strings.Replace(strings.Replace(originOf(url), "wss:", "https:", 1), "ws:", "http:", 1)}}
	}
	d := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: h.roots}, HandshakeTimeout: 10 * time.Second, EnableCompression: true}
	if protocol != "" {
		d.Subprotocols = []string{protocol}
	}
	return d.DialContext(h.t.Context(), url, header)
}

func originOf(url string) string {
	parts := strings.SplitN(url, "/", 4)
	return strings.Join(parts[:3], "/")
}

// client is a JSON line's client end.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func (h *house) client() *client {
	h.t.Helper()
	conn, _, err := h.dial("ws://"+h.plain.String()+SignalPath, SignalProtocol, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	return &client{t: h.t, conn: conn}
}

// signedIn is a client that has said hello.
func (h *house) signedIn() *client {
	h.t.Helper()
	c := h.client()
	c.say(`{"type":"hello","v":1,"user":"alice","password":"secret"}`)
	if m := c.hear(); m.Type != typeHello {
		h.t.Fatalf("answer to hello: %+v", m)
	}
	return c
}

func (c *client) say(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) hear() message {
	c.t.Helper()
	_, raw, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// closed reads until the connection ends and returns the close code, 0 for an end without a close frame.
func (c *client) closed() int {
	c.t.Helper()
	for {
		_, _, err := c.conn.ReadMessage()
		if err == nil {
			continue
		}
		if ce, ok := errors.AsType[*websocket.CloseError](err); ok && ce.Code != websocket.CloseAbnormalClosure {
			return ce.Code
		}
		return 0
	}
}

// heard is one call of Signals.
type heard struct {
	line b2bua.Line
	sig  b2bua.Signal
}

// calls records what a line says.
type calls struct {
	signals chan heard
	lost    chan b2bua.Line
}

func newCalls() *calls {
	return &calls{signals: make(chan heard, 1000), lost: make(chan b2bua.Line, 100)}
}

func (c *calls) Signal(l b2bua.Line, s b2bua.Signal) { c.signals <- heard{l, s} }
func (c *calls) LineLost(l b2bua.Line)               { c.lost <- l }

// within receives from ch; a test that waits for what never comes fails after twenty seconds.
func within[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing within 20 s", what)
		panic("unreachable")
	}
}
