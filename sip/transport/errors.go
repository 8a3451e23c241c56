package transport

import "errors"

var (
	// ErrConfig: a listener cannot be served as configured.
	ErrConfig = errors.New("transport: bad configuration")
	// ErrTaken: a socket that is open cannot become another listener's while it is in use.
	ErrTaken = errors.New("transport: address in use by a listener")
	// ErrNoListener: the realm has no socket of the address family asked for.
	ErrNoListener = errors.New("transport: no listener")
	// ErrClosed: the flow has ended.
	ErrClosed = errors.New("transport: flow closed")
	// ErrQueueFull: the peer does not take its messages; the flow is closed.
	ErrQueueFull = errors.New("transport: send queue full")
	// ErrLimit: too many flows, in all or from one source.
	ErrLimit = errors.New("transport: flow limit")
	// ErrSilent: the peer does not answer keepalives any more (RFC 5626 section 4.4.1).
	ErrSilent = errors.New("transport: no answer to a keepalive")
	// ErrDenied: the peer's address is on the deny list.
	ErrDenied = errors.New("transport: address denied")
	// ErrUnproved: nobody has authenticated a request on the connection in time.
	ErrUnproved = errors.New("transport: nothing authenticated")
	// ErrSubprotocol: the server does not speak SIP over WebSocket (RFC 7118).
	ErrSubprotocol = errors.New("transport: no sip subprotocol")
	// ErrUnwanted: the connection did not come about in the time that a large request has for it.
	ErrUnwanted = errors.New("transport: connection not taken in time")
)
