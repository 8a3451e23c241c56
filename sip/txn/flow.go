package txn

import "net/netip"

// Flow is one transport association: the way a message came in and the only way its answers go out (RFC 3261 section 18.2.2).
// For UDP it is the pair of listening socket and remote address; for WebSocket it is the connection. sip/transport implements it.
type Flow interface {
	// Send queues one whole message. It never blocks: a stream flow whose queue is full is closed and reports it through
	// Receiver.FlowLost. Send takes no ownership of b.
	Send(b []byte) error
	// Key identifies the flow for as long as it lives; two flows with the same key are the same association.
	Key() FlowKey
	// Reliable reports whether retransmissions are the transport's business.
	Reliable() bool
	// Transport is the Via transport token: "UDP", "TCP", "TLS", "WS" or "WSS".
	Transport() string
	// Realm names the side of the border that the socket belongs to.
	Realm() string
	// SentBy is the host and port this side writes into Via and Contact.
	SentBy() netip.AddrPort
	// Remote is the peer's transport address.
	Remote() netip.AddrPort
}

// Placed is a Flow that has the host of its SentBy as text.
type Placed interface{ SentByHost() string }

// SentByHost is the host that this side writes into Via and Contact, without the zone that only this machine knows.
func SentByHost(f Flow) string {
	if p, ok := f.(Placed); ok {
		return p.SentByHost()
	}
	return f.SentBy().Addr().Unmap().WithZone("").String()
}

// Hop is one place that a request can be sent to: what RFC 3263 makes of a URI. It is comparable.
type Hop struct {
	Network string         // "udp", "tcp" or "tls"
	Addr    netip.AddrPort // always a number: host names are resolved before
	Strict  bool           // UDP: the URI says so in words; what is too large for a datagram goes into one all the same
	Name    string         // TLS: the name that the peer's certificate must bear (RFC 5922); "" means the address
}

// Identified is a Flow whose peer has proved who it is: the names of its verified TLS certificate (RFC 5922 section 7.1), none otherwise.
type Identified interface{ Identity() []string }

// Guarded is a Flow that ends unless its peer proves who it is in time. Whoever authenticates a request says so.
type Guarded interface{ Proved() }

// Mortal is a Flow that can end before the dialogs that began on it.
type Mortal interface{ Ended() bool }

// Retiring is a Flow whose socket may stop being configured: what is under way there goes on, and nothing begins.
type Retiring interface{ Retired() bool }

// Aliased is a Flow that may carry requests to its peer, too, when the peer has asked for that (RFC 5923 section 8): port is where it
// listens. What the flow makes of it is for the flow to judge.
type Aliased interface{ Alias(port uint16) }

// FlowKey is comparable. ID is 0 for connectionless flows, which the address tells apart.
type FlowKey struct {
	Realm  string
	ID     uint64
	Local  netip.AddrPort
	Remote netip.AddrPort
}

// Receiver is what a transport hands its input to; Core implements it.
type Receiver interface {
	// Receive takes one framed message. The flow's reader calls it in arrival order; raw may be reused when it returns.
	Receive(f Flow, raw []byte)
	// FlowLost reports that a connection has ended. It is called once for a flow, after its last Receive.
	FlowLost(f Flow, why error)
}

// Refuser is a Receiver that also takes what a stream could not be cut at: a request whose header section is all there is of it. It is
// answered with status where that is possible; the transport closes the connection.
type Refuser interface {
	Refuse(f Flow, head []byte, status int, reason string)
}
