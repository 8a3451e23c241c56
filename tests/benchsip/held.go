package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What is held.
const (
	wantHeld   = 10_000
	heldRate   = 400 // calls/s while they are set up
	socketsOf  = 4   // RTP and RTCP of both legs: the first report opens RTCP, though no packet flows
	spareFiles = 500
	sampleRate = 4096 // bytes of heap a sample: at Go's 512 kB the share of media is right to a fifth only
)

// held sets calls up, waits until only the calls themselves are left, and reads what they hold.
func (b *bench) held(ctx context.Context) error {
	n, err := heldCalls()
	if err != nil {
		return err
	}
	o, err := b.startOurs("GODEBUG=memprofilerate=" + strconv.Itoa(sampleRate))
	if err != nil {
		return err
	}
	err = b.holding(ctx, o, n)
	return errors.Join(err, o.stop())
}

// heldCalls is wantHeld, or what the limit of open files allows: each call has four sockets, and one without audio is refused. It raises the
// limit where it may: the gateway inherits it.
func heldCalls() (int, error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 0, err
	}
	const wanted = wantHeld*socketsOf + spareFiles
	if files.Max < wanted {
		more := syscall.Rlimit{Cur: wanted, Max: wanted}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) == nil { // only root may
			files = more
		}
	}
	if most := (int(files.Max) - spareFiles) / socketsOf; most < wantHeld {
		fmt.Printf("held: %d open files allow %d calls, not %d\n", files.Max, most, wantHeld)
		return most, nil
	}
	return wantHeld, nil
}

func (b *bench) holding(ctx context.Context, o *ours, n int) error {
	before, err := o.heap(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	up := make(chan error, 1)
	l := load{rate: heldRate, length: time.Duration(n) * time.Second / heldRate, talk: time.Hour}
	go func() {
		_, err := phones(ctx, b.dir, l)
		up <- err
	}()
	after, err := o.quiet(ctx, n)
	cancel()
	<-up // it was cancelled: the calls have done their duty
	if err != nil {
		return err
	}
	signalling := (after.signalling - before.signalling) / float64(n) / 1e3
	media := (after.media - before.media) / float64(n) / 1e3
	fmt.Printf("%d calls held, %.1f sockets each: %.1f kB of heap a call for signalling, %.1f kB for media, %.0f goroutines (%.0f without calls)\n",
		n, (after.sockets-before.sockets)/float64(n), signalling, media, after.goroutines, before.goroutines)
	b.verdict.say("kb_per_held_call", signalling)
	if signalling > maxHeld {
		b.verdict.miss("%.1f kB a held call, at most %.1f", signalling, maxHeld)
	}
	if after.goroutines > before.goroutines+10 {
		b.verdict.miss("%.0f goroutines with %d calls, %.0f without", after.goroutines, n, before.goroutines)
	}
	return nil
}

// level is what the gateway holds, in bytes of heap that is in use.
type level struct{ signalling, media, goroutines, sockets float64 }

var errNotUp = errors.New("the calls did not come up")

// quiet waits until n calls are up and their transactions are over.
func (o *ours) quiet(ctx context.Context, n int) (level, error) {
	limit := time.Duration(n)*time.Second/heldRate + overLimit
	for end := time.Now().Add(limit); time.Now().Before(end) && pause(ctx, time.Second); {
		m, err := o.metrics(ctx)
		if err != nil {
			return level{}, err
		}
		if m["drawbridge_calls_active"] == float64(n) && m["drawbridge_transactions"] == 0 {
			return o.heap(ctx)
		}
	}
	return level{}, errNotUp
}

// heap collects garbage twice and divides what is in use by the share of media in the heap profile.
func (o *ours) heap(ctx context.Context) (level, error) {
	var profile []byte
	for range 2 {
		var err error
		if profile, err = o.get(ctx, "/debug/pprof/heap?gc=1&debug=1"); err != nil {
			return level{}, err
		}
	}
	m, err := o.metrics(ctx)
	if err != nil {
		return level{}, err
	}
	media, all := shares(profile)
	inUse := m["go_memstats_heap_alloc_bytes"]
	return level{signalling: inUse * (1 - media/all), media: inUse * media / all, goroutines: m["go_goroutines"], sockets: m["drawbridge_media_sockets"]}, nil
}

// shares adds up the records of a heap profile in text form; media is what was allocated below package media.
func shares(profile []byte) (media, all float64) {
	var size float64
	mine := false
	flush := func() {
		if all += size; mine {
			media += size
		}
		size, mine = 0, false
	}
	lines := bufio.NewScanner(bytes.NewReader(profile))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var objects, total float64
		if n, _ := fmt.Sscanf(lines.Text(), "%f: %f [", &objects, &total); n == 2 {
			flush()
			if objects > 0 {
				size = total / (1 - math.Exp(-total/objects/sampleRate))
			}
			continue
		}
		mine = mine || strings.Contains(lines.Text(), "drawbridge/media.")
	}
	flush()
	return media, all
}
