package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What an established call keeps, and what it took to set it up: WebRTC with DTLS on one side and a trunk on the other, over few
// signalling connections. What such a connection costs is not in it.

const (
	heldCalls  = 1000
	batchCalls = 200
	warmCalls  = 200              // before: what the first calls bring to life stays
	settle     = 2 * time.Second  // of media, so that everything a call ever has is there
	quiet      = 46 * time.Second // transactions live for 32 s, and what they leave goes back to the system 10 s later
	maxHeld    = 40.0             // kB of resident memory a call
	maxSetup   = 1.5              // ms of CPU a call
)

// holding sets calls up on a gateway of its own.
func (b *bench) holding(ctx context.Context) (err error) {
	dir := filepath.Join(b.dir, "held")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	o, err := openOurs(b.binary, dir, b.phones)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	pcma, err := tone("PCMA", phoneRate)
	if err != nil {
		return err
	}
	voice := sound{web: pcma, trunk: pcma}
	warm, err := newFarm(ctx, o, warmCalls, "PCMA", voice, b.phones)
	if err != nil {
		return err
	}
	if err := errors.Join(warm.pump.run(settle), warm.close(), rest(ctx, quiet)); err != nil {
		return err
	}
	before, err := o.level()
	if err != nil {
		return err
	}
	f, err := newFarm(ctx, o, heldCalls, "PCMA", voice, b.phones)
	if err != nil {
		return err
	}
	batches, err := f.batches(o)
	if err != nil {
		return err
	}
	setup := median(batches)
	if err := errors.Join(f.pump.run(settle), f.holdFor(ctx, quiet)); err != nil {
		return err
	}
	after, err := o.level()
	if err != nil {
		return err
	}
	resident, heap := (after.resident-before.resident)/heldCalls, (after.heap-before.heap)/heldCalls
	fmt.Printf("%d WebRTC calls, set up at %d/s, held on %d connections: %.1f kB resident a call, %.1f kB of it heap in use; %.2f ms CPU to set one up (of %d calls each: %.2f); %.0f goroutines (%.0f without)\n",
		heldCalls, callRate, lines, resident, heap, setup, batchCalls, batches, after.goroutines, before.goroutines)
	b.verdict.limit("kb_per_call", resident, maxHeld)
	b.verdict.limit("setup_ms", setup, maxSetup)
	if after.goroutines > before.goroutines+10 {
		b.verdict.miss("%.0f goroutines with %d calls, %.0f without", after.goroutines, heldCalls, before.goroutines)
	}
	return f.close()
}

// batches is ms of CPU a call, for each batch of calls that was set up. Their median counts, as of windows: a machine that is held up for a
// second spoils one. Each is long enough to have its share of the garbage collector's work.
func (f *farm) batches(o *ours) (ms []float64, err error) {
	up, err := o.cpu()
	if err != nil {
		return nil, err
	}
	for i, begin := range f.marks {
		end := up
		if i+1 < len(f.marks) {
			end = f.marks[i+1]
		}
		ms = append(ms, (end-begin).Seconds()*1e3/batchCalls)
	}
	return ms, nil
}

// holdFor keeps calls up that are on hold as far as media goes: only consent is refreshed.
func (f *farm) holdFor(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, c := range f.clients {
			if err := c.Consent(); err != nil {
				return err
			}
		}
		f.pump.drainAll()
		if err := rest(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// level is what the gateway has, in kB.
type level struct {
	resident, heap, goroutines float64
}

var errStatus = errors.New("no resident memory in /proc")

// level collects garbage first: what counts is in use.
func (o *ours) level() (l level, err error) {
	if err := errors.Join(o.gw.CollectGarbage(), o.gw.CollectGarbage()); err != nil {
		return l, err
	}
	m, err := o.gw.ReadMetrics()
	if err != nil {
		return l, err
	}
	l.heap, l.goroutines = m["go_memstats_heap_alloc_bytes"]/1e3, m["go_goroutines"]
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.pid()))
	if err != nil {
		return l, err
	}
	for line := range bytes.Lines(status) {
		if kB, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kB)[0], 64)
			if err != nil {
				return l, err
			}
			l.resident = n * 1.024
			return l, nil
		}
	}
	return l, errStatus
}
