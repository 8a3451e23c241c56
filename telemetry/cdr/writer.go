package cdr

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"drawbridge/telemetry"
)

// Stdout is the Config.File that means standard output.
const Stdout = "-"

// Chosen here.
const (
	retryEvery = time.Second            // how often a failing file is tried again: a full disk is not emptied in less
	gather     = 250 * time.Millisecond // between two writes: a sync costs as much CPU as a call, and one serves hundreds of records as well
)

// Config configures a Writer. The zero value writes to standard output.
type Config struct {
	File  string // appended to, created with mode 0600; "" or "-" means standard output
	Queue int    // records waiting to be written; 0 means 4096
	Keep  int    // lines kept in memory while the file refuses them; 0 means 10000

	Events telemetry.Listener // hears once that the file refuses records, and once that it takes them again

	Out io.Writer // tests: instead of File
}

// Writer appends call records. Its Listener may be used before Run; records queue up meanwhile.
type Writer struct {
	keep   int
	path   string // "" when Out or standard output is used
	out    io.Writer
	file   *os.File // what path was when it was opened; nil as out is not a file of ours
	queue  chan *telemetry.CallEnded
	events telemetry.Listener

	pending backlog
	refused bool // the last write was

	written, dropped, failures atomic.Uint64
	waiting                    atomic.Int64
}

// New opens the file.
func New(cfg Config) (*Writer, error) {
	w := &Writer{keep: cfg.Keep, out: cfg.Out, events: cfg.Events}
	if w.keep <= 0 {
		w.keep = 10_000
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 4096
	}
	w.queue = make(chan *telemetry.CallEnded, cfg.Queue)
	switch {
	case w.out != nil:
	case cfg.File == "" || cfg.File == Stdout:
		w.out = os.Stdout
	default:
		w.path = cfg.File
		if err := w.open(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *Writer) open() error {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open call records: %w", err)
	}
	w.file, w.out = f, f
	return nil
}

// follow opens the file anew when its name stands for another one, or for none: somebody has rotated it. A line that is cut in the old
// file is written whole into the new one.
func (w *Writer) follow() error {
	if w.path == "" {
		return nil
	}
	if w.file != nil {
		mine, err := w.file.Stat()
		if err != nil {
			return fmt.Errorf("call records: %w", err)
		}
		if named, err := os.Stat(w.path); err == nil && os.SameFile(mine, named) {
			return nil
		}
		_ = w.file.Close() // synced after each write
		w.file, w.pending.done = nil, 0
	}
	return w.open()
}

// Listener takes the CallEnded events. It never blocks: a full queue drops the record and counts it.
func (w *Writer) Listener() telemetry.Listener {
	return telemetry.Listener{CallEnded: func(e *telemetry.CallEnded) {
		select {
		case w.queue <- e:
		default:
			w.dropped.Add(1)
		}
	}}
}

// Written counts records that are in the file.
func (w *Writer) Written() uint64 { return w.written.Load() }

// Dropped counts records lost: the queue was full, or the file refused them for too long.
func (w *Writer) Dropped() uint64 { return w.dropped.Load() }

// Failures counts writes that the file refused.
func (w *Writer) Failures() uint64 { return w.failures.Load() }

// Waiting is the number of records that are not in the file yet.
func (w *Writer) Waiting() int { return len(w.queue) + int(w.waiting.Load()) }

// Run writes until ctx ends, then writes what is queued, syncs and closes the file. Start it first and stop it last, so that calls
// ended by the shutdown are recorded. It returns an error when records are left that could not be written.
func (w *Writer) Run(ctx context.Context) error {
	retry := time.NewTimer(0) // runs while the file refuses records
	defer retry.Stop()
	gathered := time.NewTimer(0)
	defer gathered.Stop()
	queue := w.queue // nil while records gather: they wait in the channel, and nobody is woken for each of them
	for {
		select {
		case <-gathered.C:
			queue = w.queue
			continue
		case e := <-queue:
			w.take(e)
			w.takeQueued()
			if w.refused { // a dead disk is tried once a second and not at every call
				w.waiting.Store(int64(w.pending.len()))
				continue
			}
			queue = nil
			gathered.Reset(gather)
		case <-retry.C:
		case <-ctx.Done():
			return w.finish()
		}
		if w.flush(); w.refused {
			retry.Reset(retryEvery)
		}
	}
}

// takeQueued moves the whole queue into pending: one write and one sync serve them all.
func (w *Writer) takeQueued() {
	for {
		select {
		case e := <-w.queue:
			w.take(e)
		default:
			return
		}
	}
}

// take encodes e. When too much is waiting, the oldest whole line goes.
func (w *Writer) take(e *telemetry.CallEnded) {
	w.pending.add(func(b []byte) []byte { return appendRecord(b, e) })
	if w.pending.len() > w.keep {
		w.pending.dropOldest()
		w.dropped.Add(1)
	}
}

// flush writes what is pending, and reports when the file begins or ceases to refuse it.
func (w *Writer) flush() {
	err := w.write()
	w.waiting.Store(int64(w.pending.len()))
	switch {
	case err != nil:
		w.failures.Add(1)
		if !w.refused {
			w.events.EmitLifecycle(telemetry.Lifecycle{What: "records refused", Detail: err.Error()})
		}
	case w.refused:
		w.events.EmitLifecycle(telemetry.Lifecycle{What: "records written again"})
	}
	w.refused = err != nil
}

// write writes pending lines until one is refused.
func (w *Writer) write() error {
	if w.pending.len() == 0 {
		return nil
	}
	if err := w.follow(); err != nil {
		return err
	}
	for w.pending.len() > 0 {
		piece := w.pending.piece()
		n, err := w.out.Write(piece)
		short := n < len(piece)
		w.written.Add(uint64(w.pending.advance(n)))
		if w.pending.len() > 0 && (err != nil || short) {
			return cmp.Or(err, io.ErrShortWrite)
		}
	}
	if w.file == nil {
		return nil
	}
	return w.file.Sync()
}

func (w *Writer) finish() error {
	w.takeQueued()
	w.flush()
	left := w.pending.len()
	w.dropped.Add(uint64(left))
	if w.file != nil {
		if err := w.file.Close(); err != nil {
			return fmt.Errorf("close call records: %w", err)
		}
	}
	if left > 0 {
		return fmt.Errorf("%d call records not written: %w", left, ErrNotWritten)
	}
	return nil
}
