package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
)

// streamFlow is one TCP or TLS connection, accepted or dialled. Its reader is the goroutine that calls run; run starts and ends the
// writer. A dialled flow takes messages before it is connected.
type streamFlow struct {
	recv    txn.Receiver
	key     txn.FlowKey
	sentBy  netip.AddrPort
	secure  bool
	dialled bool

	back    func(port uint16) []txn.Hop     // where its peer may be reached besides: by each of the names that it has proved
	dial    func(txn.Hop) (txn.Flow, error) // another connection of the realm
	alias   func(port uint16)               // accepted: where else it may go
	aliased atomic.Bool                     // the peer has said so once
	ways    []way                           // by which streams finds it; under its lock

	out    *sendQueue
	cancel context.CancelCauseFunc
	up     atomic.Bool // connected: from here on a queue that fills up is the peer's doing
	used   atomic.Bool // somebody else knows the flow
	names  atomic.Pointer[[]string]

	guard
	reader  reader
	lingers atomic.Bool // it reads on for a moment after the end

	pinged   bool        // writer: the beat looks for an answer next
	awaiting atomic.Bool // a ping of ours is out and nothing has come since
	answers  atomic.Bool // the peer has answered one before
}

// opener makes the connection: it dials, or has it already, and shakes hands. names are what the peer has proved to be called.
type opener func(context.Context) (conn net.Conn, names []string, err error)

// newStream returns the flow and the context that is its life. The random ID tells it from others between the same addresses, before
// and after it.
func newStream(recv txn.Receiver, realm string, local, remote netip.AddrPort) (*streamFlow, context.Context) {
	ctx, cancel := context.WithCancelCause(context.Background())
	k := txn.FlowKey{Realm: realm, ID: rand.Uint64() | 1, Local: local, Remote: remote}
	return &streamFlow{recv: recv, key: k, out: newSendQueue(streamMessages), cancel: cancel}, ctx
}

// run is the flow's life: connect, then reader here and writer beside it, FlowLost when both have ended.
func (f *streamFlow) run(ctx context.Context, open opener) {
	opening, opened := context.WithTimeout(ctx, openWait)
	conn, names, err := open(opening)
	opened()
	if err != nil {
		f.end(err)
	} else {
		f.names.Store(&names)
		f.serve(ctx, conn)
	}
	if f.used.Load() {
		f.recv.FlowLost(f, context.Cause(ctx))
	}
}

func (f *streamFlow) serve(ctx context.Context, conn net.Conn) {
	f.up.Store(true)
	defer func() { _ = conn.Close() }()
	defer f.watch()()
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now().Add(closeWait)) }) // frees whoever waits for the peer
	defer release()
	var wg sync.WaitGroup
	wg.Go(func() { f.write(ctx, conn) })
	f.part(ctx, conn, f.read(ctx, conn))
	wg.Wait()
}

// end stops the flow at once; what is queued is lost. Only the first cause counts.
func (f *streamFlow) end(cause error) {
	f.out.close()
	f.cancel(cause)
}

// finish stops the flow when what is queued has been sent.
func (f *streamFlow) finish(cause error) {
	f.out.seal()
	f.cancel(cause)
}

// write sends what is queued, and pings from the side that dialled (RFC 5626 section 4.4.1).
func (f *streamFlow) write(ctx context.Context, conn net.Conn) {
	beat := time.NewTimer(pingAfter())
	defer beat.Stop()
	if !f.dialled {
		beat.Stop()
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			f.goodbye(conn)
			return
		case <-f.out.wake:
			err = f.flush(ctx, conn)
		case <-beat.C:
			err = f.beat(beat)
		}
		if err != nil {
			f.end(err)
			return
		}
	}
}

// flush writes the queue, all that is there with one call of the system where the connection can do that.
func (f *streamFlow) flush(ctx context.Context, conn net.Conn) error {
	for {
		msgs := net.Buffers(f.out.all())
		if len(msgs) == 0 {
			return nil
		}
		if err := conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
			return err
		}
		if ctx.Err() != nil { // the flow has ended before the deadline was set: it must not wait that long
			if err := conn.SetWriteDeadline(time.Now().Add(closeWait)); err != nil {
				return err
			}
		}
		if _, err := msgs.WriteTo(conn); err != nil {
			return err
		}
	}
}

// goodbye sends what a finished flow still owes and closes the connection, which ends the reader; when that lingers, this side only.
func (f *streamFlow) goodbye(conn net.Conn) {
	if msgs := net.Buffers(f.out.all()); len(msgs) > 0 && conn.SetWriteDeadline(time.Now().Add(closeWait)) == nil {
		_, _ = msgs.WriteTo(conn) // closed right after, heard or not
	}
	half, ok := conn.(interface{ CloseWrite() error })
	if !f.lingers.Load() || !ok || half.CloseWrite() != nil {
		_ = conn.Close()
	}
}

// beat pings, and looks pongWait later whether anything has come since. A peer that has never answered a ping is not obliged to: its
// silence means nothing, and the system finds out about a connection that is gone.
func (f *streamFlow) beat(t *time.Timer) error {
	if f.pinged = !f.pinged; f.pinged {
		f.awaiting.Store(true)
		t.Reset(pongWait)
		return f.out.put([]byte(ping))
	}
	if f.awaiting.Swap(false) && f.answers.Load() {
		return ErrSilent
	}
	t.Reset(pingAfter() - pongWait)
	return nil
}

// Send queues a message. A full queue ends the flow: a peer that does not read must not hold memory, nor get some messages and not
// others. While the connection is being made the message alone is refused. Errors: ErrClosed, ErrQueueFull.
func (f *streamFlow) Send(b []byte) error {
	f.used.Store(true)
	err := f.out.put(b)
	if errors.Is(err, ErrQueueFull) && f.up.Load() {
		f.end(err)
	}
	return err
}

// Alias implements txn.Aliased. Only the first word counts: a connection has one other end.
func (f *streamFlow) Alias(port uint16) {
	if f.alias != nil && !f.aliased.Swap(true) {
		f.alias(port)
	}
}

// Returns implements txn.Returner.
func (f *streamFlow) Returns() bool { return f.back != nil && len(f.back(0)) > 0 }

// Return implements txn.Returner. Errors: ErrUnproved, ErrNoListener, ErrLimit, ErrClosed.
func (f *streamFlow) Return(port uint16) (txn.Flow, error) {
	if !f.Returns() {
		return nil, ErrUnproved
	}
	return f.dial(f.back(port)[0])
}

// Ended implements txn.Mortal.
func (f *streamFlow) Ended() bool { return f.out.shut() }

// Identity implements txn.Identified.
func (f *streamFlow) Identity() []string {
	if names := f.names.Load(); names != nil {
		return *names
	}
	return nil
}

func (f *streamFlow) Key() txn.FlowKey       { return f.key }
func (f *streamFlow) Reliable() bool         { return true }
func (f *streamFlow) Realm() string          { return f.key.Realm }
func (f *streamFlow) SentBy() netip.AddrPort { return f.sentBy }
func (f *streamFlow) Remote() netip.AddrPort { return f.key.Remote }

// Transport is the Via token.
func (f *streamFlow) Transport() string {
	if f.secure {
		return "TLS"
	}
	return "TCP"
}
