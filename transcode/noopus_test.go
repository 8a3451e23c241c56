//go:build !cgo || noopus

package transcode

import (
	"errors"
	"testing"
)

func TestWithoutOpusItIsSaid(t *testing.T) {
	if _, err := NewDecoder("opus", 8000); !errors.Is(err, ErrNoOpus) {
		t.Errorf("decoder: %v", err)
	}
	if _, err := NewEncoder("opus", 8000, Options{}); !errors.Is(err, ErrNoOpus) {
		t.Errorf("encoder: %v", err)
	}
	if _, err := new(Pool).Get(8000, Options{}); !errors.Is(err, ErrNoOpus) {
		t.Errorf("pool: %v", err)
	}
}
