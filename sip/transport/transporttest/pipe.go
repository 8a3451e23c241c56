package transporttest

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// Pipes are the stream connections of a network in memory, with deadlines and addresses. The zero value is ready.
type Pipes struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*PipeListener
	ports     uint16
}

// PipeListener accepts the connections to an address.
type PipeListener struct {
	pipes  *Pipes
	at     netip.AddrPort
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen opens a listener.
func (p *Pipes) Listen(at netip.AddrPort) *PipeListener {
	l := &PipeListener{pipes: p, at: at, queue: make(chan net.Conn), closed: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listeners == nil {
		p.listeners = map[netip.AddrPort]*PipeListener{}
	}
	p.listeners[at] = l
	return l
}

// Dial connects to a listener and waits until it accepts; port 0 of from picks one. Where nobody listens it waits for the end of ctx,
// as for a host that drops what it is sent.
func (p *Pipes) Dial(ctx context.Context, from, to netip.AddrPort) (net.Conn, error) {
	p.mu.Lock()
	l := p.listeners[to]
	if from.Port() == 0 {
		p.ports++
		from = netip.AddrPortFrom(from.Addr(), 30_000+p.ports)
	}
	p.mu.Unlock()
	if l == nil {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	here, there := connect(from, to)
	select {
	case l.queue <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept waits for a connection.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; its connections stay.
func (l *PipeListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.pipes.mu.Lock()
		defer l.pipes.mu.Unlock()
		delete(l.pipes.listeners, l.at)
	})
	return nil
}

// Addr returns the address as a *net.TCPAddr.
func (l *PipeListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }
