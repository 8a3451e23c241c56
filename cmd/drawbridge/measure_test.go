package main

import (
	"testing"
	"time"
)

func TestSlots(t *testing.T) {
	for _, c := range []struct {
		cores int
		cost  time.Duration
		want  int
	}{{1, 2 * time.Millisecond, 250}, {8, 2 * time.Millisecond, 2000}, {2, 20 * time.Millisecond, 67}} {
		if got := slots(c.cores, c.cost); got != c.want {
			t.Errorf("%d cores at %s a call: %d slots, want %d", c.cores, c.cost, got, c.want)
		}
	}
}
