package media

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestALoopAsksForShortTurns(t *testing.T) {
	ended := make(chan struct{})
	go func() { // never unlocked: the thread ends with it, and what it has asked for
		defer close(ended)
		runtime.LockOSThread()
		before, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Error(err)
			return
		}
		var u urgency
		u.here()
		u.here()
		after, err := unix.SchedGetAttr(0, 0)
		if err != nil || u.refused {
			t.Errorf("refused=%v, %v", u.refused, err)
			return
		}
		if len(u.threads) != 1 || u.threads[0] != unix.Gettid() {
			t.Errorf("threads %v, on %d", u.threads, unix.Gettid())
		}
		if after.Policy != before.Policy || after.Nice != before.Nice {
			t.Errorf("policy and niceness %d, %d, were %d, %d", after.Policy, after.Nice, before.Policy, before.Nice)
		}
		if before.Runtime == 0 {
			t.Log("this kernel gives all threads the same turns")
		} else if after.Runtime != shortTurn {
			t.Errorf("turns of %d ns, not %d", after.Runtime, shortTurn)
		}
	}()
	<-ended
}

func TestThreadsOfALoopAreForgotten(t *testing.T) {
	u := urgency{threads: make([]int, urgentThreads), refused: false}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		u.here()
	}()
	<-ended
	if len(u.threads) != 1 {
		t.Errorf("%d threads are remembered, not only the newest", len(u.threads))
	}
}
