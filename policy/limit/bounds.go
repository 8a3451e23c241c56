package limit

import (
	"errors"
	"math"
	"time"
)

// Scope is the part of the gateway that a limit is for, narrow or wide. A call is counted in the whole gateway and for the number that it
// is for; each of its legs in its realm, and for its trunk or account.
type Scope uint8

// The scopes, widest first.
const (
	Global Scope = iota
	Realm
	Trunk
	Account
	Number
)

var scopeNames = [Number + 1]string{"", "realm/", "trunk/", "account/", "number/"}

// String is the scope's part of a rule: "", "realm/", "trunk/", "account/" or "number/".
func (s Scope) String() string { return scopeNames[s] }

// Key names one thing that is counted.
type Key struct {
	Scope Scope
	Name  string // "" for Global
}

// Bounds are the limits of one thing. A zero field is no limit.
type Bounds struct {
	Calls      int  // at a time
	Rate       Rate // of attempts, in each direction
	Bandwidth  int  // bits a second at a time, in one direction
	Transcodes int  // calls at a time that may have to be transcoded
	Reserve    int  // per cent of Calls and Bandwidth that are left to emergency calls
}

// Use is how much of something is in use.
type Use struct{ Calls, Bandwidth, Transcodes int }

// What is the limit that refuses.
type What string

// The limits of a thing.
const (
	Calls      What = "calls"
	Attempts   What = "cps"
	Bandwidth  What = "bandwidth"
	Transcodes What = "transcodes"
	Emergency  What = "emergency" // attempts at emergency numbers
)

// ErrBelowZero says that more has been given back than was taken. It is a defect of whoever counts.
var ErrBelowZero = errors.New("a count below zero")

// Room names the limit that has no room for more, "" when there is room for all of it.
func (b Bounds) Room(in, more Use, emergency bool) What {
	switch {
	case exceeds(in.Calls, more.Calls, b.share(b.Calls, emergency)):
		return Calls
	case exceeds(in.Bandwidth, more.Bandwidth, b.share(b.Bandwidth, emergency)):
		return Bandwidth
	case exceeds(in.Transcodes, more.Transcodes, b.Transcodes):
		return Transcodes
	}
	return ""
}

func exceeds(in, more, limit int) bool { return limit > 0 && more > 0 && in+more > limit }

// share is how much of n there is for a call. The reserve is rounded down, so that a limit of a few calls keeps them all.
func (b Bounds) share(n int, emergency bool) int {
	if emergency || n <= 0 {
		return n
	}
	return max(1, n-n/100*b.Reserve-n%100*b.Reserve/100)
}

// Add is what is in use when more has come.
func (u Use) Add(more Use) Use {
	return Use{u.Calls + more.Calls, u.Bandwidth + more.Bandwidth, u.Transcodes + more.Transcodes}
}

// Sub is what is in use when some has gone, never less than nothing. Errors: ErrBelowZero.
func (u Use) Sub(gone Use) (Use, error) {
	left := Use{u.Calls - gone.Calls, u.Bandwidth - gone.Bandwidth, u.Transcodes - gone.Transcodes}
	if left.Calls < 0 || left.Bandwidth < 0 || left.Transcodes < 0 {
		return Use{max(0, left.Calls), max(0, left.Bandwidth), max(0, left.Transcodes)}, ErrBelowZero
	}
	return left, nil
}

// Verdict is what the limits say about an attempt. The zero Verdict lets it in.
type Verdict struct {
	Scope Scope
	What  What
	Wait  time.Duration // until there may be room; 0 is not known
}

// Refused reports whether a limit is reached.
func (v Verdict) Refused() bool { return v.What != "" }

// Rule names the limit for events, call records and metrics: never who has reached it.
func (v Verdict) Rule() string { return "limits/" + v.Scope.String() + string(v.What) }

// Bounds of Retry-After, in seconds (QOS-03).
const (
	leastRetry = 1
	mostRetry  = 10
)

// Retry is the Retry-After of a refusal in seconds: the wait, and up to as much again or three seconds at random, so that those who are
// refused together do not come back together. random is in [0,1).
func (v Verdict) Retry(random float64) int {
	wait := v.Wait.Seconds()
	return min(mostRetry, max(leastRetry, int(math.Ceil(wait+random*max(wait, 3)))))
}
