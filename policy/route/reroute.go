package route

import "slices"

// Reroute says after which final answers of a trunk the next candidate is tried. It counts as long as nobody has rung: after that an
// answer is final. The zero value is the table that most carriers expect.
type Reroute struct {
	Next  []int // besides those of the table
	Final []int // of the table, but not for this trunk
}

// movesOn are the answers that speak of the target and not of the callee: silence, our credentials, a fault, too much to do.
var movesOn = []int{401, 407, 408, 500, 502, 503, 504}

// After reports whether another candidate is tried after a status.
func (r Reroute) After(status int) bool {
	switch {
	case slices.Contains(r.Next, status):
		return true
	case slices.Contains(r.Final, status):
		return false
	}
	return slices.Contains(movesOn, status)
}
