package main

import (
	"testing"
	"time"
)

func TestLateness(t *testing.T) {
	var l lateness
	look := func(means ...time.Duration) time.Duration {
		l.look(means)
		return l.now()
	}
	for i := range 3 {
		if late := look(time.Duration(i), time.Second+time.Duration(i)); late != 0 {
			t.Errorf("a burst of %d looks counts as %v", i+1, late)
		}
	}
	if late := look(5, time.Second+9); late < time.Second {
		t.Errorf("a second of lateness counts as %v", late)
	}
	if late := look(6, 7); late != 7 {
		t.Errorf("a loop that has caught up is %v late", late)
	}
	for i := range 4 {
		look(6, time.Second+time.Duration(i))
	}
	for range 40 { // nothing is served any more
		look(6, time.Second+3)
	}
	if late := l.now(); late > time.Millisecond {
		t.Errorf("an idle media plane is %v late for ever", late)
	}
}
