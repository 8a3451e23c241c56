package caller

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"drawbridge/sip/transport"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// agent is a SIP user agent on one WebSocket: requests go out through do, the few that come in are answered here.
type agent struct {
	core *txn.Core
	flow txn.Flow
	conn io.Closer

	stop context.CancelFunc
	done chan struct{} // the core has ended

	lost     chan struct{} // closed when the connection is gone
	lostOnce sync.Once
	bye      chan struct{} // closed when the far side has hung up
	byeOnce  sync.Once
}

// connect is the first stage: the WebSocket and the transaction core behind it.
func (c *call) connect(ctx context.Context) (time.Time, error) {
	a := &agent{done: make(chan struct{}), lost: make(chan struct{}), bye: make(chan struct{})}
	core, err := txn.New(txn.Config{Shards: 1, Node: "ca", Server: "Drawbridge caller", User: a})
	if err != nil {
		return time.Time{}, err
	}
	a.core = core
	a.flow, a.conn, err = transport.DialWS(ctx, c.cfg.URL, c.cfg.TLS, core, "caller")
	if err != nil {
		return time.Time{}, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx)) // ends in close, after the goodbyes
	a.stop = stop
	go func() {
		defer close(a.done)
		_ = core.Run(run) // its error is that of run
	}()
	c.agent = a
	return time.Time{}, nil
}

func (a *agent) close() {
	_ = a.conn.Close() // the peer may have gone already
	a.stop()
	<-a.done
}

// on runs fn on the shard and waits for it.
func (a *agent) on(ctx context.Context, fn func(*txn.Shard) error) error {
	done := make(chan error, 1)
	if err := a.core.Post(0, func(sh *txn.Shard) { done <- fn(sh) }); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// token mints a tag, Call-ID or user part.
func (a *agent) token(ctx context.Context) (string, error) {
	var t string
	err := a.on(ctx, func(sh *txn.Shard) error {
		t = sh.Token()
		return nil
	})
	return t, err
}

// do sends a request other than INVITE and returns the final response.
func (a *agent) do(ctx context.Context, m *wire.Message) (*wire.Message, error) {
	u := &waiting{final: make(chan result, 1)}
	if err := a.on(ctx, func(sh *txn.Shard) error {
		_, err := sh.Request(a.flow, m, u)
		return err
	}); err != nil {
		return nil, err
	}
	select {
	case r := <-u.final:
		return r.m, r.err
	case <-a.lost:
		return nil, ErrLost
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// result is how a transaction ended.
type result struct {
	m   *wire.Message
	err error
}

// waiting is the user of a non-INVITE transaction.
type waiting struct{ final chan result }

func (w *waiting) Response(_ *txn.Shard, _ *txn.Client, m *wire.Message) {
	if m.Status >= 200 {
		w.final <- result{m: m}
	}
}

func (w *waiting) Failed(_ *txn.Shard, _ *txn.Client, err error) { w.final <- result{err: err} }

// Request implements txn.User: a BYE ends the call; this user agent takes nothing else.
func (a *agent) Request(sh *txn.Shard, tx *txn.Server, _ txn.Flow, m *wire.Message) {
	if tx == nil {
		return // an ACK to a 2xx; none was sent
	}
	var status int
	switch m.Method {
	case wire.BYE:
		status = 200
		a.byeOnce.Do(func() { close(a.bye) })
	case wire.OPTIONS:
		status = 200
	case wire.INVITE:
		status = 488
	default:
		status = 501
	}
	_ = tx.Respond(wire.NewResponse(m, status, "", tx.Tag())) // the connection may be gone
}

// Cancel implements txn.User: no INVITE of the peer's is ever pending.
func (a *agent) Cancel(*txn.Shard, *txn.Server, *wire.Message) {}

// Unacked implements txn.User.
func (a *agent) Unacked(*txn.Shard, *txn.Server) {}

// FlowLost implements txn.User.
func (a *agent) FlowLost(*txn.Shard, txn.FlowKey) { a.lostOnce.Do(func() { close(a.lost) }) }

// await waits for ch while the connection, the call and its media live. what says what is missing when time is up.
func await[T any](ctx context.Context, c *call, ch <-chan T, what string) (T, error) {
	var none T
	select {
	case v := <-ch:
		return v, nil
	case <-c.agent.lost:
		return none, ErrLost
	case <-c.agent.bye:
		return none, ErrHungUp
	case <-c.mediaFailed:
		return none, ErrMedia
	case <-ctx.Done():
		return none, fmt.Errorf("%s: nothing in time", what)
	}
}

// statusError is nil for a 2xx.
func statusError(m *wire.Message) error {
	if m.Status/100 == 2 {
		return nil
	}
	return &StatusError{Status: m.Status, Reason: m.Reason}
}
