package b2bua

import (
	"errors"
	"fmt"

	"drawbridge/media/offer"
)

// What a call can run into.
var (
	// ErrNoWay says that a target cannot be reached from a realm: no flow, or a host name.
	ErrNoWay = errors.New("b2bua: no way to the target")
	// ErrDraining says that calls were cut because the process ends.
	ErrDraining = errors.New("b2bua: calls cut by the drain deadline")
)

// StateError is an illegal move of a leg: a defect.
type StateError struct {
	Leg      LegID
	From, To LegState
}

func (e *StateError) Error() string {
	return fmt.Sprintf("b2bua: leg %d cannot move from %s to %s", e.Leg, e.From, e.To)
}

// statusOf is the only place where an error becomes a SIP status.
func statusOf(err error) int {
	if bad, ok := errors.AsType[*offer.Error](err); ok {
		return bad.Status
	}
	if errors.Is(err, offer.ErrGlare) {
		return 491
	}
	return 500
}
