package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"drawbridge/sip/txn"
)

// reader is what the reading side of a stream flow keeps.
type reader struct {
	frames framer
	limits *flowLimits // where accepted flows are booked; nil for dialled ones
	source netip.Prefix
	held   usage // booked for this flow
	known  bool  // a trunk's source: many calls, no pace
	pace   pace
	denied func(realm string, src netip.Addr) bool // asked of accepted flows; nil denies nobody

	firstBy   time.Time // the first message has to be there; zero when it is, or need not be
	messageBy time.Time // the message that has begun has to be there; zero between messages
	blanks    int       // CRLFs since the last message
}

// read takes messages until the connection fails or the stream cannot be followed any more.
func (f *streamFlow) read(ctx context.Context, conn net.Conn) error {
	for {
		kind, msg, err := f.reader.frames.next()
		switch {
		case err != nil:
			return err
		case kind == frameMore:
			err = f.more(ctx, conn)
		case kind == frameMessage:
			err = f.message(ctx, msg)
		default:
			err = f.blank(ctx, kind)
		}
		if err != nil {
			return err
		}
	}
}

// more reads what has come. Memory beyond the buffer that every flow has is booked first.
func (f *streamFlow) more(ctx context.Context, conn net.Conn) error {
	r := &f.reader
	b := r.frames.room()
	if !r.book(usage{flows: r.held.flows, fresh: r.held.fresh, bytes: r.frames.size() - streamBuffer}) {
		return ErrLimit
	}
	if err := conn.SetReadDeadline(r.patience(time.Now())); err != nil {
		return err
	}
	if ctx.Err() != nil { // it has ended before the deadline was set
		return context.Cause(ctx)
	}
	n, err := conn.Read(b)
	r.frames.filled(n)
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// book changes what is booked to now; false when that is over a limit.
func (r *reader) book(now usage) bool {
	if r.limits == nil || now == r.held {
		return true
	}
	change := now.minus(r.held)
	if change.flows <= 0 && change.fresh <= 0 && change.bytes <= 0 {
		r.limits.release(r.source, usage{}.minus(change))
	} else if !r.limits.take(r.source, change, r.known) {
		return false
	}
	r.held = now
	return true
}

// patience is how long the next byte may take. Neither trickling bytes nor keepalives buy a message more time.
func (r *reader) patience(now time.Time) time.Time {
	switch {
	case !r.frames.partial():
		r.messageBy = time.Time{}
	case r.messageBy.IsZero():
		r.messageBy = now.Add(messageWait)
	}
	switch {
	case !r.firstBy.IsZero():
		return r.firstBy
	case !r.messageBy.IsZero():
		return r.messageBy
	default:
		return now.Add(idleWait)
	}
}

// message hands a message on.
func (f *streamFlow) message(ctx context.Context, b []byte) error {
	r := &f.reader
	f.awaiting.Store(false)
	r.blanks, r.firstBy, r.messageBy = 0, time.Time{}, time.Time{}
	r.book(usage{flows: r.held.flows, bytes: r.held.bytes}) // not fresh any more
	if r.denied != nil && r.denied(f.key.Realm, f.key.Remote.Addr()) {
		return ErrDenied
	}
	f.used.Store(true)
	f.recv.Receive(f, b)
	return f.slow(ctx)
}

// blank is a keepalive: an answer when we have asked, else the peer's own ping, whole or in halves (RFC 5626 section 3.5.1).
func (f *streamFlow) blank(ctx context.Context, kind frame) error {
	r := &f.reader
	asked := f.awaiting.Swap(false)
	switch {
	case kind == frameBlank && asked:
		f.answers.Store(true)
		r.blanks = 0
		return nil
	case kind == frameBlank && r.blanks == 0:
		r.blanks++
		return f.slow(ctx)
	}
	r.blanks = 0
	_ = f.out.put([]byte(pong)) // closed or full: the flow ends anyway
	return f.slow(ctx)
}

// slow keeps strangers to a pace: what comes faster waits in the system's buffers, and then in the peer's.
func (f *streamFlow) slow(ctx context.Context) error {
	if f.reader.known {
		return nil
	}
	if d := f.reader.pace.next(time.Now()); d > 0 && !pause(ctx, d) {
		return context.Cause(ctx)
	}
	return nil
}

// part ends the flow for what read has returned. A request that cannot be framed is answered if it can be; the stream is read on for a
// moment after that, because a connection closed with input unread is reset, and the answer may never arrive.
func (f *streamFlow) part(ctx context.Context, conn net.Conn, err error) {
	r := &f.reader
	bad, unframed := errors.AsType[*frameError](err)
	network, slow := errors.AsType[net.Error](err)
	switch {
	case unframed:
		f.refuse(bad.head, bad.status, bad.reason)
	case slow && network.Timeout() && ctx.Err() == nil && len(r.frames.begun()) > 0:
		f.refuse(r.frames.begun(), 400, "Incomplete Message")
	default:
		f.end(err)
		return
	}
	f.lingers.Store(true)
	if conn.SetReadDeadline(time.Now().Add(answerWait)) == nil { // what came before is still being answered
		_, _ = io.CopyN(io.Discard, conn, lingerBytes)
	}
	f.finish(err)
	if conn.SetReadDeadline(time.Now().Add(closeWait)) == nil {
		_, _ = io.CopyN(io.Discard, conn, lingerBytes)
	}
}

func (f *streamFlow) refuse(head []byte, status int, reason string) {
	if r, ok := f.recv.(txn.Refuser); ok {
		r.Refuse(f, head, status, reason)
	}
}
