//go:build cgo && !noopus

package transcode

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A second of a call costs some CPU and less than a second of it, and a better encoder more.
func TestCost(t *testing.T) {
	cheap, err := Cost(t.Context(), Options{}, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	dear, err := Cost(t.Context(), Options{Complexity: 10, LossPct: 10}, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a second of a call costs %s, at most %s", cheap, dear)
	if cheap < 100*time.Microsecond || cheap > time.Second || dear < cheap {
		t.Errorf("%s, and %s for the best", cheap, dear)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Cost(ctx, Options{}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
