package main

import "testing"

// The loops have their Ps, and there is always one beside them.
func TestProcs(t *testing.T) {
	for _, row := range []struct{ cores, busy, want int }{
		{1, 0, 1}, {1, 1, 2},
		{2, 0, 2}, {2, 1, 2}, {2, 2, 3},
		{4, 0, 4}, {4, 1, 4}, {4, 3, 5}, {4, 4, 6},
		{7, 7, 11},
	} {
		if got := procs(row.cores, row.busy); got != row.want {
			t.Errorf("%d cores, %d loops busy: %d, want %d", row.cores, row.busy, got, row.want)
		}
	}
}
