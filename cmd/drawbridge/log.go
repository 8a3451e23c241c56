package main

import (
	"io"
	"sync"
	"time"

	"drawbridge/telemetry"
)

// Chosen here.
const (
	logEvery = 50 * time.Millisecond // lines of that time are written at once
	logRoom  = 64 << 10              // bytes that are written before
)

// gathered writes what comes within a moment at once: a busy gateway logs a line a call, and a system call for each costs more than the
// line. Nobody waits longer than logEvery for a line; flush writes the rest at the end.
type gathered struct {
	to io.Writer

	mu      sync.Mutex
	lines   []byte
	pending bool // flush is going to be called
}

// Write implements io.Writer. An error of the underlying writer is nobody's to see: there is no other place to log it.
func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = telemetry.AppendPlain(g.lines, line)
	switch {
	case len(g.lines) >= logRoom:
		g.write()
	case !g.pending:
		g.pending = true
		time.AfterFunc(logEvery, g.flush)
	}
	return len(line), nil
}

func (g *gathered) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending = false
	g.write()
}

func (g *gathered) write() {
	_, _ = g.to.Write(g.lines)
	g.lines = g.lines[:0]
}
