package light

import (
	"errors"

	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

// Wire is a connected client's socket and keys, for a caller that moves the packets of many clients by itself.
type Wire struct {
	FD         int // closed with the client
	Send, Recv *srtp.Context
	Remote     Remote
}

// Wire ends the client's own reading and hands its socket over. Consent still sends checks. The runtime's poller lets go of the socket:
// it would be woken by every packet, at the expense of whoever sends it.
func (c *Client) Wire() (Wire, error) {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return Wire{}, err
	}
	fd := -1
	var dupErr error
	if err := raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil || dupErr != nil {
		return Wire{}, errors.Join(err, dupErr)
	}
	c.pipe.Close()
	c.conn.Close()
	c.loop.Wait()
	c.wire = fd
	return Wire{FD: fd, Send: c.send, Recv: c.recv, Remote: c.Remote()}, nil
}

// writeWire sends a datagram to the gateway.
func (c *Client) writeWire(b []byte) error {
	to := c.Remote().Addr
	return unix.Sendto(c.wire, b, unix.MSG_DONTWAIT, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
}
