package limit

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may happen: Burst times at once, and one more each Every. The zero Rate is no limit.
type Rate struct {
	Every time.Duration // between two in the long run
	Burst int           // at once after a pause, at least 1
}

// Cell is all that is remembered of one limited thing: the time when it would be idle again, in nanoseconds of the caller's clock. Zero is
// a thing that has never happened; the clock has to be beyond zero.
type Cell int64

// ErrRate says how a rate is written.
var ErrRate = errors.New("a rate is a number per time, such as 10/s, 100/m or 5/30s")

// PerSecond is n a second with a burst; n 0 or less is no limit, a burst below 1 is one second's worth.
func PerSecond(n float64, burst int) Rate {
	if n <= 0 {
		return Rate{}
	}
	if burst < 1 {
		burst = max(1, int(math.Ceil(n)))
	}
	return Rate{Every: time.Duration(float64(time.Second) / n), Burst: burst}
}

// Parse reads "10/s", "100/m", "5/30s" or "0.5/s". The burst is the number itself, rounded up. Errors: ErrRate.
func Parse(text string) (Rate, error) {
	count, per, ok := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	if !ok || err != nil || !(n > 0) || n > 1e6 {
		return Rate{}, fmt.Errorf("%q: %w", text, ErrRate)
	}
	per = strings.TrimSpace(per)
	if per != "" && (per[0] < '0' || per[0] > '9') {
		per = "1" + per
	}
	span, err := time.ParseDuration(per)
	if err != nil || span <= 0 || span > 24*time.Hour || float64(span)/n < 1 {
		return Rate{}, fmt.Errorf("%q: %w", text, ErrRate)
	}
	return Rate{Every: time.Duration(float64(span) / n), Burst: max(1, int(math.Ceil(n)))}, nil
}

// None reports whether r limits nothing.
func (r Rate) None() bool { return r.Every <= 0 }

// String is the form that Parse reads, in seconds.
func (r Rate) String() string {
	if r.None() {
		return "unlimited"
	}
	return strconv.FormatFloat(float64(time.Second)/float64(r.Every), 'g', 6, 64) + "/s"
}

// Take asks for one at time now. It returns the cell as it is afterwards and 0, or, when the rate is used up, the cell as it was and how
// long to wait until there is room.
func (r Rate) Take(c Cell, now int64) (Cell, time.Duration) {
	if r.None() {
		return c, 0
	}
	every := int64(r.Every)
	idle := max(int64(c), now)
	if early := idle - now - every*int64(max(r.Burst, 1)-1); early > 0 {
		return c, time.Duration(early)
	}
	return Cell(idle + every), 0
}

// Idle reports whether a cell says no more than one that has never been used, so that it may be forgotten.
func (c Cell) Idle(now int64) bool { return int64(c) <= now }
