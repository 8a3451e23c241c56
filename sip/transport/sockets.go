package transport

import (
	"context"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

func listenUDP(network string, at netip.AddrPort) (packetConn, error) {
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadBuffer(udpReadBuffer); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newDatagrams(conn)
}

// listenTCP opens a listener that is no Multipath TCP socket, as Go's are by default: the packets of one cannot be marked on IPv6.
func listenTCP(network string, at netip.AddrPort) (net.Listener, error) {
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	return c.Listen(context.Background(), network, at.String())
}

func dialTCP(ctx context.Context, network string, from, to netip.AddrPort, dscp uint8) (net.Conn, error) {
	d := net.Dialer{Control: Mark(dscp)}
	if !from.Addr().IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
	}
	return d.DialContext(ctx, network, to.String())
}

// tune makes the system find out in time that a peer has gone: by probes when nothing is sent, by the age of what was not acknowledged
// otherwise, which is a quarter of an hour if nobody says how long.
func tune(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}) // a convenience
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedWait/time.Millisecond)) // a convenience too
	})
}

// family is "4" or "6". A socket takes one family only: which one serves a peer must follow from its address.
func family(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "4"
	}
	return "6"
}
