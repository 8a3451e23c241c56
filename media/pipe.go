package media

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/deadline"
)

// pipeRoom is how many datagrams wait for a handshake; a flight is two to five. Chosen here.
const pipeRoom = 16

// pipe is the net.PacketConn between a loop and a handshake. Reading waits for what the loop feeds; writing sends on the browser
// socket, which outlives every handshake.
type pipe struct {
	fd    int
	local netip.AddrPort
	in    chan []byte
	limit *deadline.Deadline // of reads
	done  chan struct{}
	once  sync.Once
	asked func() // when the connection asks for a cookie: the peer has been asked already

	mu    sync.Mutex
	to    sockaddr // where the last datagram came from
	last  []byte   // the last flight: the one that begins with ChangeCipherSpec
	muted bool
}

func newPipe(fd int, local, peer netip.AddrPort) *pipe {
	return &pipe{fd: fd, local: local, in: make(chan []byte, pipeRoom), limit: deadline.New(), done: make(chan struct{}), to: sockaddrOf(peer)}
}

// feed copies a datagram to the handshake; it never blocks.
func (p *pipe) feed(b []byte, src netip.AddrPort) Drop {
	p.mu.Lock()
	if p.to.addr != src {
		p.to = sockaddrOf(src)
	}
	p.mu.Unlock()
	select {
	case p.in <- append([]byte(nil), b...):
		return Delivered
	default:
		return DropDTLSBusy
	}
}

func (p *pipe) peer() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.to.addr
}

// mute swallows what is written from now on and returns the last flight.
func (p *pipe) mute() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
	return p.last
}

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case in := <-p.in:
		return copy(b, in), p.RemoteAddr(), nil
	case <-p.done:
		return 0, nil, net.ErrClosed
	case <-p.limit.Done():
		return 0, nil, p.limit.Err()
	}
}

// WriteTo implements net.PacketConn. The address is where the last datagram came from, whatever the connection believes.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.muted || len(b) == 0 {
		return len(b), nil
	}
	if p.asked != nil && b[0] == recordHandshake && len(b) > recordHeader && b[recordHeader] == verifyHello {
		p.asked()
		return len(b), nil
	}
	if b[0] == recordCCS {
		p.last = append([]byte(nil), b...)
	}
	sendTo(p.fd, b, &p.to) // a datagram the kernel refuses is lost like any other: the flight is sent again
	return len(b), nil
}

// Close implements net.PacketConn.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

// RemoteAddr is the peer's address.
func (p *pipe) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(p.peer()) }

// SetDeadline implements net.PacketConn.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.limit.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn: writes never wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// unlogged is the log of a handshake: what went wrong is counted and told by its error.
type unlogged struct{}

// NewLogger implements logging.LoggerFactory.
func (unlogged) NewLogger(string) logging.LeveledLogger { return unlogged{} }

// The methods of logging.LeveledLogger.

func (unlogged) Trace(string)          {}
func (unlogged) Tracef(string, ...any) {}
func (unlogged) Debug(string)          {}
func (unlogged) Debugf(string, ...any) {}
func (unlogged) Info(string)           {}
func (unlogged) Infof(string, ...any)  {}
func (unlogged) Warn(string)           {}
func (unlogged) Warnf(string, ...any)  {}
func (unlogged) Error(string)          {}
func (unlogged) Errorf(string, ...any) {}
