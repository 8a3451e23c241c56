package gateway

import (
	"os"
	"testing"
	"time"

	"drawbridge/tests/cputime"
)

func TestTheCPUClockIsThisProcesss(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	work := func() {
		for n := range 1_000_000 {
			_ = n * n
		}
	}
	var own time.Duration // of this thread: what else the machine does counts for neither clock
	for own < 50*time.Millisecond {
		own += cputime.Of(t, work)
	}
	after, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if spent := after - before; spent < own || spent > own+500*time.Millisecond {
		t.Errorf("%s of work cost %s", own, spent)
	}
}
