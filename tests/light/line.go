package light

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/gorilla/websocket"
)

// Door is how a WebSocket is asked for.
type Door struct {
	At          netip.AddrPort
	Path        string
	Pool        *x509.CertPool
	Origin      string // "" sends none
	Subprotocol string // "" sends none
}

// Knock opens a WebSocket. On a refusal the status of the HTTP answer is returned with the error.
func (d Door) Knock(ctx context.Context) (*websocket.Conn, int, error) {
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: d.Pool, ServerName: "127.0.0.1"}, HandshakeTimeout: 5 * time.Second}
	if d.Subprotocol != "" {
		dialer.Subprotocols = []string{d.Subprotocol}
	}
	header := http.Header{}
	if d.Origin != "" {
		header.Set("Origin", d.Origin)
	}
	conn, resp, err := dialer.DialContext(ctx, "wss://"+d.At.String()+d.Path, header)
	if resp == nil {
		return nil, 0, err
	}
	resp.Body.Close()
	return conn, resp.StatusCode, err
}

// Message is a JSON signalling message with the fields that are used here.
type Message struct {
	Type     string `json:"type"`
	V        int    `json:"v,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Call     string `json:"call,omitempty"`
	From     string `json:"from,omitempty"`
	To       string `json:"to,omitempty"`
	On       *bool  `json:"on,omitempty"`
	SDP      string `json:"sdp,omitempty"`
	Stage    string `json:"stage,omitempty"`
	Status   int    `json:"status,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Line is a JSON signalling connection. It belongs to one goroutine.
type Line struct {
	conn *websocket.Conn
	in   chan Message // closed when the connection has ended
}

// What can go wrong on a line.
var (
	ErrRefused = errors.New("light: refused") // the gateway answered with an error or a bye
	ErrEnded   = errors.New("light: line ended")
	ErrSilent  = errors.New("light: no message in time")
)

// Refusal is a call that the gateway did not put through. It is an ErrRefused.
type Refusal struct {
	Type   string // "error" or "bye"
	Status int
	Reason string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%v: %s %d %s", ErrRefused, r.Type, r.Status, r.Reason)
}

func (r *Refusal) Unwrap() error { return ErrRefused }

const (
	messageLimit = 5 * time.Second
	backlog      = 4096 // messages nobody waits for: a few for each call
)

// SignIn opens a line at /v1/signal and says hello. Origin is the gateway's own.
func SignIn(ctx context.Context, at netip.AddrPort, pool *x509.CertPool, user, password string) (*Line, error) {
	conn, _, err := Door{At: at, Path: "/v1/signal", Pool: pool, Origin: "https://" + at.String(), Subprotocol: "drawbridge.v1"}.Knock(ctx)
	if err != nil {
		return nil, err
	}
	l := &Line{conn: conn, in: make(chan Message, backlog)}
	go l.read()
	if err := l.Send(Message{Type: "hello", V: 1, User: user, Password: password}); err != nil {
		return nil, err
	}
	m, err := l.Next()
	if err != nil {
		return nil, err
	}
	if m.Type != "hello" {
		return nil, errors.Join(fmt.Errorf("%w: %d %s", ErrRefused, m.Status, m.Reason), conn.Close())
	}
	return l, nil
}

// Send writes one message.
func (l *Line) Send(m Message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(messageLimit)); err != nil {
		return err
	}
	return l.conn.WriteMessage(websocket.TextMessage, b)
}

// read takes everything in until the connection ends: pings are answered by whoever reads, and between calls nobody calls Next.
func (l *Line) read() {
	defer close(l.in)
	for {
		var m Message
		if err := l.conn.ReadJSON(&m); err != nil {
			return
		}
		l.in <- m
	}
}

// Next returns one message.
func (l *Line) Next() (Message, error) {
	limit := time.NewTimer(messageLimit)
	defer limit.Stop()
	select {
	case m, ok := <-l.in:
		if !ok {
			return m, ErrEnded
		}
		return m, nil
	case <-limit.C:
		return Message{}, ErrSilent
	}
}

// Call places a call and returns the answer's SDP.
func (l *Line) Call(id, number, sdp string) (string, error) {
	if err := l.Send(Message{Type: "call", Call: id, To: number, SDP: sdp}); err != nil {
		return "", err
	}
	return l.answer(id, "answer")
}

// answer waits for the message of a type that answers an offer.
func (l *Line) answer(id, kind string) (string, error) {
	for {
		m, err := l.Next()
		if err != nil {
			return "", err
		}
		switch {
		case m.Call != id:
		case m.Type == kind && m.SDP != "":
			return m.SDP, nil
		case m.Type == "bye" || m.Type == "error":
			return "", &Refusal{Type: m.Type, Status: m.Status, Reason: m.Reason}
		}
	}
}

// Hold holds a call or resumes it by an offer, and returns the answer's SDP.
func (l *Line) Hold(id string, on bool, sdp string) (string, error) {
	if err := l.Send(Message{Type: "hold", Call: id, On: &on, SDP: sdp}); err != nil {
		return "", err
	}
	return l.answer(id, "hold")
}

// Hangup ends a call.
func (l *Line) Hangup(id string) error { return l.Send(Message{Type: "bye", Call: id}) }

// Close closes the connection.
func (l *Line) Close() error { return l.conn.Close() }
