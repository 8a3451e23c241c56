package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"drawbridge/b2bua"
)

// line is one JSON signalling connection. Two goroutines serve it: listen reads, talk writes. It implements b2bua.Line once hello
// has named its user.
type line struct {
	id    uint64
	user  string
	realm string
	from  netip.AddrPort

	password string      // that it has signed in with: it is judged again when the accounts change
	former   atomic.Bool // the account has gone, or has another password: it begins no call and is not rung, and ends those that it has

	conn *websocket.Conn
	out  chan []byte   // to talk
	over chan struct{} // closed when the line is to end
	end  sync.Once     // guards over and bye
	bye  leaving       // read after over
}

func (l *line) ID() uint64    { return l.id }
func (l *line) User() string  { return l.user }
func (l *line) Realm() string { return l.realm }

func (l *line) Remote() netip.Addr { return l.from.Addr() }

// Send queues a signal. A browser that has not read the last 64 of them is no longer worth a queue: the line ends.
func (l *line) Send(s b2bua.Signal) { l.send(encodeSignal(s)) }

func (l *line) send(b []byte) {
	select {
	case l.out <- b:
	default:
		l.cut(leaving{websocket.CloseTryAgainLater, "too slow"})
	}
}

// leave ends the line after what is queued has been written.
func (l *line) leave(why leaving) {
	l.end.Do(func() {
		l.bye = why
		close(l.over)
	})
}

// cut ends the line now: a write under way is broken off.
func (l *line) cut(why leaving) {
	l.leave(why)
	_ = l.conn.NetConn().SetDeadline(time.Unix(1, 0)) // never blocks, unlike Close
}

// signal serves one JSON line from the upgrade to its end.
func (s *Server) signal(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Signals == nil {
		http.NotFound(w, r)
		return
	}
	conn, done := s.upgrade(w, r, SignalProtocol)
	if conn == nil {
		return
	}
	defer done()
	l := &line{
		id: s.lineID.Add(1), realm: s.cfg.Realm, from: remoteOf(r),
		conn: conn, out: make(chan []byte, queueLimit), over: make(chan struct{}),
	}
	ctx, talked := r.Context(), make(chan struct{})
	go func() {
		defer close(talked)
		l.talk(ctx)
	}()
	defer func() {
		l.leave(leaving{websocket.CloseNormalClosure, ""})
		<-talked
	}()

	if !s.hello(l, sourceOf(conn.RemoteAddr())) {
		return
	}
	if s.cfg.Proved != nil {
		s.cfg.Proved(l.from.Addr())
	}
	if !s.lines.add(l) {
		s.refused("ws-limit", l.from, "lines of one account")
		l.sendFault(faultLines)
		l.leave(leaving{websocket.ClosePolicyViolation, "too many lines"})
		return
	}
	defer func() {
		s.lines.remove(l)
		s.cfg.Signals.LineLost(l)
	}()
	if !s.cfg.CheckPassword(l.user, l.password) { // the accounts have changed behind hello
		s.lines.dismiss(l)
	}
	l.send(message{Type: typeHello, V: signalVersion, User: l.user, Name: s.welcome.Load().Name, Numbers: s.numbers(l.user)}.encode())
	s.listen(ctx, l)
}

func (s *Server) numbers(user string) []string {
	if numbers := s.welcome.Load().Numbers; numbers != nil {
		return numbers(user)
	}
	return nil
}

// listen hands the client's messages to the calls until the line ends. A message that cannot be served is answered with an error
// and the line stays; too many of them end it.
func (s *Server) listen(ctx context.Context, l *line) {
	l.expectPongs()
	pace := rate.NewLimiter(messageRate, messageBurst)
	for bad := 0; bad < badLimit; {
		sig, err := l.next(ctx, pace)
		if s.denied(l.from.Addr()) {
			return
		}
		var f *fault
		switch {
		case err == nil && sig.Type == b2bua.SignalCall && l.former.Load():
			s.refused("json-former", l.from, faultFormer.reason)
			l.sendFault(&fault{status: faultFormer.status, reason: faultFormer.reason, call: sig.Call})
		case err == nil:
			s.cfg.Signals.Signal(l, sig)
		case errors.As(err, &f):
			bad++
			s.refused("malformed", l.from, "json: "+f.reason)
			l.sendFault(f)
		default:
			l.leaveFor(err)
			return
		}
	}
	s.refused("ws-limit", l.from, "unusable messages")
	l.leave(leaving{websocket.ClosePolicyViolation, "too many unusable messages"})
}

// next reads, paces and decodes one message. A *fault means that the line can go on.
func (l *line) next(ctx context.Context, pace *rate.Limiter) (b2bua.Signal, error) {
	m, err := l.read()
	if err != nil {
		return b2bua.Signal{}, err
	}
	if err := pace.Wait(ctx); err != nil {
		return b2bua.Signal{}, err
	}
	l.heard()
	return m.signal()
}

// read reads one message of the connection.
func (l *line) read() (message, error) {
	kind, raw, err := l.conn.ReadMessage()
	if err != nil {
		return message{}, err
	}
	if kind != websocket.TextMessage {
		return message{}, &fault{status: 415, reason: "text frames expected"}
	}
	return decodeMessage(raw)
}

func (l *line) sendFault(f *fault) {
	l.Send(b2bua.Signal{Type: b2bua.SignalError, Call: f.call, Status: f.status, Reason: f.reason})
}

// expectPongs starts the watch for a browser that has gone without a word.
func (l *line) expectPongs() {
	l.heard()
	l.conn.SetPongHandler(func(string) error {
		l.heard()
		return nil
	})
}

// heard puts the end of patience off. It fails on a dead connection only, which the next read sees, too.
func (l *line) heard() { _ = l.conn.SetReadDeadline(now().Add(silenceLimit)) }

// leaveFor ends the line for a read error.
func (l *line) leaveFor(err error) {
	if errors.Is(err, websocket.ErrReadLimit) {
		l.leave(leaving{websocket.CloseMessageTooBig, "64 kB a message"})
		return
	}
	l.leave(leaving{websocket.CloseNormalClosure, ""})
}

// talk owns every data write and the pings. It ends with a close frame, when the line is over or the server ends, and closes the
// connection so that listen ends, too.
func (l *line) talk(ctx context.Context) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	defer func() { _ = l.conn.Close() }() // nothing more can be done for the peer
	for {
		select {
		case b := <-l.out:
			if l.write(b) != nil {
				return
			}
		case <-ping.C:
			if l.conn.WriteControl(websocket.PingMessage, nil, now().Add(frameTimeout)) != nil {
				return
			}
		case <-l.over:
			l.drain()
			l.farewell(l.bye)
			return
		case <-ctx.Done():
			l.drain()
			l.farewell(leaving{websocket.CloseGoingAway, "the gateway is going away"})
			return
		}
	}
}

// drain writes what is queued.
func (l *line) drain() {
	for {
		select {
		case b := <-l.out:
			if l.write(b) != nil {
				return
			}
		default:
			return
		}
	}
}

func (l *line) write(b []byte) error {
	if err := l.conn.SetWriteDeadline(now().Add(frameTimeout)); err != nil {
		return err
	}
	return l.conn.WriteMessage(websocket.TextMessage, b)
}

func (l *line) farewell(why leaving) {
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(why.code, why.text), now().Add(time.Second)) // best effort
}
