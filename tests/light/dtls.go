package light

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v4/deadline"
)

// Handshake is the DTLS client's, and takes the SRTP keys out of it.
func (c *Client) Handshake(ctx context.Context) error {
	conn, err := dtls.ClientWithOptions(c.pipe, net.UDPAddrFromAddrPort(c.Remote().Addr),
		dtls.WithCertificates(c.cert), dtls.WithInsecureSkipVerify(true),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80))
	if err != nil {
		return fmt.Errorf("light: dtls: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("light: handshake: %w", err)
	}
	c.dtls = conn // closed with its pipe, without a close_notify
	return c.key()
}

func (c *Client) key() error {
	state, ok := c.dtls.ConnectionState()
	profile, known := c.dtls.SelectedSRTPProtectionProfile()
	if !ok || !known {
		return errors.New("light: no SRTP profile")
	}
	cfg := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return fmt.Errorf("light: keys: %w", err)
	}
	var err error
	if c.send, err = srtp.CreateContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, cfg.Profile); err != nil {
		return err
	}
	if c.recv, err = srtp.CreateContext(cfg.Keys.RemoteMasterKey, cfg.Keys.RemoteMasterSalt, cfg.Profile); err != nil {
		return err
	}
	c.profile = cfg.Profile
	c.keyed.Store(true)
	return nil
}

// pipe hands the DTLS part of the socket to pion.
type pipe struct {
	conn   *net.UDPConn
	in     chan []byte
	closed chan struct{}
	once   sync.Once
	read   *deadline.Deadline
}

func newPipe(conn *net.UDPConn) *pipe {
	return &pipe{conn: conn, in: make(chan []byte, 32), closed: make(chan struct{}), read: deadline.New()}
}

func (p *pipe) feed(b []byte) { queue(p.in, b) }

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-p.in:
		return copy(b, d), p.conn.LocalAddr(), nil
	case <-p.read.Done():
		return 0, nil, context.DeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (p *pipe) WriteTo(b []byte, to net.Addr) (int, error) { return p.conn.WriteTo(b, to) }

// Close implements net.PacketConn.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return p.conn.LocalAddr() }

// SetDeadline implements net.PacketConn.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.read.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
