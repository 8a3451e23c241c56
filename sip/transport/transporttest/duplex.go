package transporttest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// window is how much of a stream may be on its way, in bytes: a writer waits for its reader beyond it, as with TCP.
const window = 64 << 10

// duplex is one end of a stream connection.
type duplex struct {
	local, remote netip.AddrPort
	in, out       *lane
	reads, writes deadline
}

// connect makes both ends of a connection.
func connect(from, to netip.AddrPort) (dialled, accepted *duplex) {
	there, back := newLane(), newLane()
	return &duplex{local: from, remote: to, in: back, out: there}, &duplex{local: to, remote: from, in: there, out: back}
}

// Read returns what has come, io.EOF after the other end has closed.
func (d *duplex) Read(b []byte) (int, error) {
	for {
		n, changed, err := d.in.take(b)
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		select {
		case <-changed:
		case <-d.reads.passed():
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// Write returns when everything is on its way.
func (d *duplex) Write(b []byte) (written int, err error) {
	for {
		n, changed, err := d.out.put(b[written:])
		if written += n; err != nil || written == len(b) {
			return written, err
		}
		select {
		case <-changed:
		case <-d.writes.passed():
			return written, os.ErrDeadlineExceeded
		}
	}
}

// Close ends both directions. The other end still reads what is on its way.
func (d *duplex) Close() error {
	d.out.end(io.EOF)
	d.in.end(net.ErrClosed)
	return nil
}

// CloseWrite ends one direction.
func (d *duplex) CloseWrite() error {
	d.out.end(io.EOF)
	return nil
}

func (d *duplex) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(d.local) }
func (d *duplex) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(d.remote) }

func (d *duplex) SetDeadline(t time.Time) error {
	d.reads.set(t)
	d.writes.set(t)
	return nil
}

func (d *duplex) SetReadDeadline(t time.Time) error {
	d.reads.set(t)
	return nil
}

func (d *duplex) SetWriteDeadline(t time.Time) error {
	d.writes.set(t)
	return nil
}

// lane is one direction.
type lane struct {
	mu      sync.Mutex
	bytes   []byte
	ended   error         // what the reader gets when it has read all
	changed chan struct{} // closed with each change
}

func newLane() *lane { return &lane{changed: make(chan struct{})} }

// tell wakes whoever waits; the lane is locked.
func (l *lane) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *lane) take(b []byte) (n int, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(l.ended, net.ErrClosed):
		return 0, nil, net.ErrClosed
	case len(l.bytes) > 0:
		n = copy(b, l.bytes)
		l.bytes = l.bytes[n:]
		l.tell()
		return n, nil, nil
	}
	return 0, l.changed, l.ended
}

func (l *lane) put(b []byte) (n int, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return 0, nil, io.ErrClosedPipe
	}
	n = min(len(b), window-len(l.bytes))
	if n > 0 {
		l.bytes = append(l.bytes, b[:n]...)
		l.tell()
	}
	return n, l.changed, nil
}

func (l *lane) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil || errors.Is(why, net.ErrClosed) {
		l.ended = why
		l.tell()
	}
}

// deadline is a point in time that can be moved, also while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{} // closed when it has passed
}

// passed is closed when the deadline is over.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over
}

// set moves the deadline; zero is never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		d.over = nil // it has passed, or is just about to close this channel
	}
	d.timer = nil
	if d.over != nil {
		select {
		case <-d.over:
			d.over = nil
		default:
		}
	}
	if d.over == nil {
		d.over = make(chan struct{})
	}
	over := d.over
	switch wait := time.Until(t); {
	case t.IsZero():
	case wait <= 0:
		close(over)
	default:
		d.timer = time.AfterFunc(wait, func() { close(over) })
	}
}
