package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"drawbridge/sip/txn"
)

// wsFlow is one WebSocket (RFC 7118): one SIP message in each WebSocket message, either way. Its reader is the goroutine that calls
// run; run starts and ends the writer.
type wsFlow struct {
	conn   *websocket.Conn
	recv   txn.Receiver
	key    txn.FlowKey
	sentBy netip.AddrPort
	secure bool
	limit  int64

	out   *sendQueue
	stop  chan struct{} // closed by end
	once  sync.Once
	cause error // why it ends, set by end
	code  int   // close code to say so with

	guard
	pace  pace // reader
	paced bool

	denied    func(realm string, src netip.Addr) bool // nil denies nobody
	inMessage bool                                    // reader: a message has begun and must end in time; pongs do not buy more
	buf       bytes.Buffer
}

// ServeWS runs an upgraded WebSocket until it closes or ctx ends, on the caller's goroutine. sentBy is what Via and Contact say.
// The receiver hears FlowLost at the end, unless a limit refused the flow from the start.
func (t *Transport) ServeWS(ctx context.Context, conn *websocket.Conn, realm string, secure bool, sentBy netip.AddrPort) {
	remote := addrPort(conn.RemoteAddr())
	from := source(remote.Addr())
	if !t.flows.take(from, usage{flows: 1}, false) {
		t.refused("ws-limit", realm, remote.Addr(), "")
		refuseWS(conn)
		return
	}
	defer t.flows.release(from, usage{flows: 1})
	f := newWS(conn, t.cfg.Receiver, realm, int64(t.cfg.MaxMessage))
	f.secure, f.sentBy, f.paced, f.denied = secure, sentBy, true, t.cfg.Denied
	f.late = func() {
		t.refused("unproved", realm, remote.Addr(), "")
		f.end(ErrUnproved, websocket.ClosePolicyViolation)
	}
	f.run(ctx)
}

// refuseWS tells a client to come back later.
func refuseWS(conn *websocket.Conn) {
	bye := websocket.FormatCloseMessage(websocket.CloseTryAgainLater, "")
	_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(closeWait)) // not heard: closed all the same
	_ = conn.Close()
}

// newWS gives the flow a random ID: flows of several transports may meet in one receiver.
func newWS(conn *websocket.Conn, recv txn.Receiver, realm string, limit int64) *wsFlow {
	k := txn.FlowKey{Realm: realm, ID: rand.Uint64() | 1, Local: addrPort(conn.LocalAddr()), Remote: addrPort(conn.RemoteAddr())}
	return &wsFlow{
		conn: conn, recv: recv, key: k, limit: limit,
		out: newSendQueue(queueMessages), stop: make(chan struct{}),
	}
}

// run is the flow's life: reader here, writer beside it, FlowLost when both have ended.
func (f *wsFlow) run(ctx context.Context) {
	cancel := context.AfterFunc(ctx, func() { f.end(context.Cause(ctx), websocket.CloseGoingAway) })
	defer cancel()
	defer f.watch()()
	var wg sync.WaitGroup
	wg.Go(f.write)
	f.end(f.read(), websocket.CloseNormalClosure)
	wg.Wait()
	f.recv.FlowLost(f, f.cause)
}

// end stops the flow, once. It does not block: the writer says goodbye and closes the connection, which ends the reader.
func (f *wsFlow) end(cause error, code int) {
	f.once.Do(func() {
		f.cause, f.code = cause, code
		f.out.close()
		close(f.stop)
	})
}

// read takes messages until the connection fails. A message too large has been answered 1009, a broken frame 1002, by then.
func (f *wsFlow) read() error {
	f.conn.SetReadLimit(f.limit)
	f.conn.SetPongHandler(func(string) error {
		if f.inMessage {
			return nil
		}
		return f.extend(pingMin + pingSpread + pongWait)
	})
	for {
		if err := f.extend(pingMin + pingSpread + pongWait); err != nil {
			return err
		}
		if err := f.next(); err != nil {
			f.linger(err)
			return err
		}
	}
}

func (f *wsFlow) extend(d time.Duration) error { return f.conn.SetReadDeadline(time.Now().Add(d)) }

// next reads one message and hands it on.
func (f *wsFlow) next() error {
	_, r, err := f.conn.NextReader()
	if err != nil {
		return err
	}
	f.inMessage = true
	defer func() { f.inMessage = false }()
	if err := f.extend(messageWait); err != nil {
		return err
	}
	f.buf.Reset()
	if _, err := f.buf.ReadFrom(r); err != nil {
		return err
	}
	if f.denied != nil && f.denied(f.key.Realm, f.key.Remote.Addr()) {
		return ErrDenied
	}
	f.message(f.buf.Bytes())
	if f.buf.Cap() > idleBuffer {
		f.buf = bytes.Buffer{}
	}
	return nil
}

func (f *wsFlow) message(b []byte) {
	switch {
	case string(b) == ping:
		_ = f.Send([]byte(pong)) // closed or full: the flow ends anyway
	case blank(b):
	default:
		f.recv.Receive(f, b)
	}
	f.slow()
}

// slow keeps a client to a pace: what comes faster waits in the system's buffers, and then in the client's.
func (f *wsFlow) slow() {
	d := f.pace.next(time.Now())
	if !f.paced || d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.stop:
	}
}

// linger reads on for a moment after we have closed on the peer's mistake: a socket closed with input unread resets the connection,
// and the close code may never arrive.
func (f *wsFlow) linger(err error) {
	var closed *websocket.CloseError
	var network net.Error
	if errors.As(err, &closed) || errors.As(err, &network) || f.extend(closeWait) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, f.conn.NetConn(), lingerBytes)
}

// write sends what is queued, pings, and closes the connection in the end.
func (f *wsFlow) write() {
	defer func() { _ = f.conn.Close() }()
	t := time.NewTimer(pingAfter())
	defer t.Stop()
	for {
		var err error
		select {
		case <-f.stop:
			f.goodbye()
			return
		case <-f.out.wake:
			err = f.flush()
		case <-t.C:
			err = f.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
			t.Reset(pingAfter())
		}
		if err != nil {
			f.end(err, websocket.CloseAbnormalClosure)
			return
		}
	}
}

func pingAfter() time.Duration { return pingMin + rand.N(pingSpread) }

// flush writes the queue. Text is for UTF-8 only: a browser closes on anything else in it.
func (f *wsFlow) flush() error {
	for {
		b, ok := f.out.get()
		if !ok {
			return nil
		}
		kind := websocket.TextMessage
		if !utf8.Valid(b) {
			kind = websocket.BinaryMessage
		}
		if err := f.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
			return err
		}
		if err := f.conn.WriteMessage(kind, b); err != nil {
			return err
		}
	}
}

// goodbye says why. After an answer to the peer's own close it is not sent any more.
func (f *wsFlow) goodbye() {
	bye := websocket.FormatCloseMessage(f.code, "")
	_ = f.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(closeWait)) // closed right after, heard or not
}

// Send queues a message. A full queue ends the flow: a peer that does not read must not hold memory, nor get some messages and not
// others. Errors: ErrClosed, ErrQueueFull.
func (f *wsFlow) Send(b []byte) error {
	err := f.out.put(b)
	if errors.Is(err, ErrQueueFull) {
		f.end(err, websocket.ClosePolicyViolation)
		_ = f.conn.NetConn().SetWriteDeadline(time.Now()) // the writer may be stuck in the peer's full window
	}
	return err
}

func (f *wsFlow) Key() txn.FlowKey       { return f.key }
func (f *wsFlow) Reliable() bool         { return true }
func (f *wsFlow) Realm() string          { return f.key.Realm }
func (f *wsFlow) SentBy() netip.AddrPort { return f.sentBy }
func (f *wsFlow) Remote() netip.AddrPort { return f.key.Remote }

// Transport is the Via token; Contact says transport=ws on both (RFC 7118 section 5.2).
func (f *wsFlow) Transport() string {
	if f.secure {
		return "WSS"
	}
	return "WS"
}
