package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes counts what reaches the underlying writer.
type writes struct {
	mu  sync.Mutex // the timer of the lines writes on a goroutine of its own
	n   int
	all bytes.Buffer
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	return w.all.Write(b)
}

// so returns how often has been written, and what.
func (w *writes) so() (n int, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n, w.all.String()
}

// TestLogLinesAreGathered: one write for what comes within a moment, none lost, none late, and nothing in them that a terminal obeys.
func TestLogLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w writes
		g := &gathered{to: &w}
		for range 3 {
			_, _ = g.Write([]byte("line\u009b\n"))
		}
		if n, _ := w.so(); n != 0 {
			t.Errorf("%d writes at once", n)
		}
		time.Sleep(logEvery)
		synctest.Wait()
		if n, text := w.so(); n != 1 || text != strings.Repeat(`line\u009b`+"\n", 3) {
			t.Errorf("%d writes: %q", n, text)
		}
		_, _ = g.Write([]byte("last\n"))
		g.flush()
		if _, text := w.so(); !strings.HasSuffix(text, "last\n") {
			t.Errorf("the end is missing: %q", text)
		}
		time.Sleep(logEvery)
		synctest.Wait() // the timer of the last line fires now, too
		before, _ := w.so()
		long := bytes.Repeat([]byte("x"), logRoom)
		_, _ = g.Write(long)
		if n, _ := w.so(); n != before+1 {
			t.Error("a full buffer waits")
		}
	})
}
