package transporttest

import (
	"net/netip"

	"drawbridge/sip/txn"
)

// Socket is a UDP address whose datagrams go straight to a Receiver, on the goroutine of whoever sent them.
type Socket struct {
	net   *Net
	realm string
	at    netip.AddrPort
	recv  txn.Receiver
}

// Listen opens a socket.
func (n *Net) Listen(realm string, at netip.AddrPort, recv txn.Receiver) *Socket {
	s := &Socket{net: n, realm: realm, at: at, recv: recv}
	n.attach(at, s)
	return s
}

// Close takes the socket off the network.
func (s *Socket) Close() { s.net.detach(s.at) }

// Flow returns the flow to a remote address.
func (s *Socket) Flow(remote netip.AddrPort) txn.Flow { return &datagramFlow{s, remote} }

func (s *Socket) deliver(from netip.AddrPort, b []byte) { s.recv.Receive(s.Flow(from), b) }

type datagramFlow struct {
	s      *Socket
	remote netip.AddrPort
}

func (f *datagramFlow) Send(b []byte) error {
	f.s.net.send(f.s.at, f.remote, b)
	return nil
}

func (f *datagramFlow) Key() txn.FlowKey {
	return txn.FlowKey{Realm: f.s.realm, Local: f.s.at, Remote: f.remote}
}

// Reroute implements txn.Rerouter.
func (f *datagramFlow) Reroute(port uint16) txn.Flow {
	return f.s.Flow(netip.AddrPortFrom(f.remote.Addr(), port))
}

func (f *datagramFlow) Reliable() bool         { return false }
func (f *datagramFlow) Transport() string      { return "UDP" }
func (f *datagramFlow) Realm() string          { return f.s.realm }
func (f *datagramFlow) SentBy() netip.AddrPort { return f.s.at }
func (f *datagramFlow) Remote() netip.AddrPort { return f.remote }
