package transporttest

import (
	"net"
	"net/netip"
	"sync"
)

// Conn is a packet connection with the methods of *net.UDPConn that a listener needs. Reads wait; writes do not.
type Conn struct {
	net    *Net
	at     netip.AddrPort
	wake   chan struct{} // holds one signal
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	queue []arrival
}

type arrival struct {
	from netip.AddrPort
	b    []byte
	err  error
}

// ListenPacket opens a connection that is read.
func (n *Net) ListenPacket(at netip.AddrPort) *Conn {
	c := &Conn{net: n, at: at, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	n.attach(at, c)
	return c
}

func (c *Conn) deliver(from netip.AddrPort, b []byte) { c.push(arrival{from: from, b: b}) }

// Fail makes the next read fail.
func (c *Conn) Fail(err error) { c.push(arrival{err: err}) }

func (c *Conn) push(a arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, a)
	select {
	case c.wake <- struct{}{}:
	default: // a signal is pending
	}
}

func (c *Conn) pop() (arrival, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return arrival{}, false
	}
	a := c.queue[0]
	c.queue = c.queue[1:]
	return a, true
}

// ReadFromUDPAddrPort waits for a datagram; what does not fit into b is lost. After Close it returns net.ErrClosed.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		select {
		case <-c.closed:
			return 0, netip.AddrPort{}, net.ErrClosed
		default:
		}
		if a, ok := c.pop(); ok {
			return copy(b, a.b), a.from, a.err
		}
		select {
		case <-c.closed:
		case <-c.wake:
		}
	}
}

// WriteToUDPAddrPort sends a datagram.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
		c.net.send(c.at, to, b)
		return len(b), nil
	}
}

// LocalAddr returns the address as a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.at) }

// Close takes the connection off the network and ends a waiting read. It may be called more than once.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.net.detach(c.at)
		close(c.closed)
	})
	return nil
}
