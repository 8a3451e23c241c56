package offer

import (
	"errors"
	"fmt"
)

// What a caller may do wrong, or a peer at the wrong moment. SDP that is bad in itself is an [*Error].
var (
	// ErrGlare says that the peer's offer met our own open offer (RFC 3261 section 14.2: 491).
	ErrGlare = errors.New("offer: glare, our own offer is open")
	// ErrOpen says that our former offer has neither been answered nor cancelled (RFC 3264 section 4).
	ErrOpen = errors.New("offer: an offer is open already")
	// ErrNoOffer says that an answer came while no offer of ours was open.
	ErrNoOffer = errors.New("offer: no offer is open")
	// ErrNoLocal says that SetLocal has not been called.
	ErrNoLocal = errors.New("offer: no local address")
)

// SIP statuses that an SDP can earn.
const (
	statusBadRequest    = 400
	statusNotAcceptable = 488
)

// Error is a refusal of the peer's SDP.
type Error struct {
	Status int    // SIP status owed: 400 unreadable, 488 not acceptable here
	Reason string // short, of our own words only: fit for a Warning or a log
	Err    error  // what the parser said, or nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("offer: %s: %v", e.Reason, e.Err)
	}
	return "offer: " + e.Reason
}

func (e *Error) Unwrap() error { return e.Err }

func malformed(reason string, err error) *Error {
	return &Error{Status: statusBadRequest, Reason: reason, Err: err}
}

func refused(reason string) *Error {
	return &Error{Status: statusNotAcceptable, Reason: reason}
}
