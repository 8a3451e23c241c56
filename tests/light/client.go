package light

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

// Client is one end of one call.
type Client struct {
	conn *net.UDPConn
	wire int // the socket, once somebody else reads it; -1 before
	cert tls.Certificate

	ours    credentials // what the next description says; belongs to whoever makes it
	version int         // of the description
	path    atomic.Pointer[path]
	checks  chan []byte // STUN that came in
	pipe    *pipe       // DTLS that came in

	closing  sync.Once
	loop     sync.WaitGroup
	dtls     *dtls.Conn
	profile  srtp.ProtectionProfile
	send     *srtp.Context // belongs to whoever calls Send
	recv     *srtp.Context // belongs to the reader once keyed is set
	keyed    atomic.Bool
	received atomic.Uint64 // SRTP datagrams, authentic or not
	onRTP    func(*rtp.Packet)
}

// credentials are those of ICE (RFC 8445 section 5.3).
type credentials struct{ ufrag, pwd string }

func newCredentials() credentials { return credentials{random(8), random(24)} }

// path is where packets go, since an answer has come: to remote, by our credentials that it answers.
type path struct {
	ours   credentials
	remote Remote
}

var errAnswer = errors.New("light: the answer lacks something")

// New opens a client's socket.
func New(at netip.Addr) (*Client, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return nil, err
	}
	cert, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &Client{conn: conn, wire: -1, cert: cert, ours: newCredentials(), checks: make(chan []byte, 16), pipe: newPipe(conn)}
	c.path.Store(&path{ours: c.ours})
	c.loop.Go(c.read)
	return c, nil
}

// OnRTP sets what hears the authentic packets. It must be set before Connect and not keep the packet.
func (c *Client) OnRTP(hear func(*rtp.Packet)) { c.onRTP = hear }

// Addr is the socket's address.
func (c *Client) Addr() netip.AddrPort { return c.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Received counts the SRTP datagrams so far.
func (c *Client) Received() uint64 { return c.received.Load() }

// Close ends the client without a word to the gateway, as a page that is closed does.
func (c *Client) Close() {
	c.closing.Do(func() {
		c.pipe.Close()
		c.conn.Close()
		if c.wire >= 0 {
			_ = unix.Close(c.wire) // nothing is buffered
		}
	})
	c.loop.Wait()
}

// read takes what comes in, by the first byte (RFC 7983).
func (c *Client) read() {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		b := buf[:n]
		switch {
		case n == 0:
		case b[0] < 4:
			c.stun(b, from)
		case b[0] >= 20 && b[0] < 64:
			c.pipe.feed(append([]byte(nil), b...))
		case b[0] >= 128 && b[0] < 192 && (b[1] < 192 || b[1] > 223): // not RTCP, RFC 5761
			c.received.Add(1)
			c.hear(b)
		}
	}
}

// queue takes a datagram; what does not fit is lost, as on any network.
func queue(q chan []byte, b []byte) {
	select {
	case q <- b:
	default:
	}
}

func (c *Client) hear(b []byte) {
	if c.onRTP == nil || !c.keyed.Load() {
		return
	}
	var h rtp.Header
	plain, err := c.recv.DecryptRTP(nil, b, &h)
	if err != nil {
		return
	}
	var p rtp.Packet
	if p.Unmarshal(plain) == nil {
		c.onRTP(&p)
	}
}

// Connect takes the answer and goes through check and handshake.
func (c *Client) Connect(ctx context.Context, answer string) error {
	if err := c.Answer(answer); err != nil {
		return err
	}
	if err := c.Check(ctx); err != nil {
		return err
	}
	return c.Handshake(ctx)
}

// Send protects and sends one packet.
func (c *Client) Send(p *rtp.Packet) error {
	raw, err := p.Marshal()
	if err != nil {
		return err
	}
	return c.SendRaw(raw)
}

// SendRaw protects and sends a packet that is marshalled already.
func (c *Client) SendRaw(raw []byte) error {
	protected, err := c.send.EncryptRTP(nil, raw, nil)
	if err != nil {
		return fmt.Errorf("light: protect: %w", err)
	}
	return c.Write(protected)
}

// Write sends a datagram as it is.
func (c *Client) Write(b []byte) error {
	if c.wire >= 0 {
		return c.writeWire(b)
	}
	_, err := c.conn.WriteToUDPAddrPort(b, c.Remote().Addr)
	return err
}
