package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// writes counts what reaches the underlying writer.
type writes struct {
	bytes.Buffer
	n int
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	return w.Buffer.Write(b)
}

// TestLogLinesAreGathered: one write for what comes within a moment, none lost, none late, and nothing in them that a terminal obeys.
func TestLogLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w writes
		g := &gathered{to: &w}
		for range 3 {
			_, _ = g.Write([]byte("line\u009b\n"))
		}
		if w.n != 0 {
			t.Errorf("%d writes at once", w.n)
		}
		time.Sleep(logEvery)
		synctest.Wait()
		if w.n != 1 || w.String() != strings.Repeat(`line\u009b`+"\n", 3) {
			t.Errorf("%d writes: %q", w.n, w.String())
		}
		_, _ = g.Write([]byte("last\n"))
		g.flush()
		if !strings.HasSuffix(w.String(), "last\n") {
			t.Errorf("the end is missing: %q", w.String())
		}
		time.Sleep(logEvery)
		synctest.Wait() // the timer of the last line fires now, too
		before := w.n
		long := bytes.Repeat([]byte("x"), logRoom)
		_, _ = g.Write(long)
		if w.n != before+1 {
			t.Error("a full buffer waits")
		}
	})
}
