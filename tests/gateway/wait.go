package gateway

import (
	"testing"
	"time"
)

// Eventually waits until done is true and fails the test after limit; what says what was waited for.
func Eventually(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	if !Within(limit, done) {
		t.Fatalf("not within %s: %s", limit, what)
	}
}

// Within reports whether done becomes true within limit. It looks each 20 ms.
func Within(limit time.Duration, done func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done() {
			return true
		}
		select {
		case <-deadline.C:
			return done()
		case <-tick.C:
		}
	}
}
