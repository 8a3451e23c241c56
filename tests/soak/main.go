// Command soak calls the gateway for a long time with every kind of call at once, and then looks for what was not given back and for call
// records that do not add up. Its last line is the verdict; it ends with status 1 on a miss.
//
// Files: main.go (the plan and the verdict), mix.go (the kinds of calls), sipp.go (who makes them), level.go (what the gateway holds).
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"drawbridge/tests/gateway"
)

// plan is what is asked for.
type plan struct {
	binary   string
	duration time.Duration // of the load that counts
	warmUp   time.Duration // of the same load before: maps grow to their size, and what is made once is made
	rate     float64       // calls per second
}

// Chosen here.
const (
	rest     = 60 * time.Second // the last transactions and dialogs live for 32 s after their call
	interval = 10 * time.Second // of the lines that tell how it goes
)

func main() {
	var p plan
	flag.StringVar(&p.binary, "binary", "", "the gateway's program")
	flag.DurationVar(&p.duration, "duration", 15*time.Minute, "how long to call")
	flag.DurationVar(&p.warmUp, "warm-up", 40*time.Second, "how long to call before the first look")
	flag.Float64Var(&p.rate, "rate", 200, "calls per second")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	v, err := p.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	fmt.Println(v)
	if err != nil || !v.good() {
		os.Exit(1)
	}
}

// run starts the gateway, warms it up, calls it, and compares what it held before and after.
func (p plan) run(ctx context.Context) (v verdict, err error) {
	dir, err := os.MkdirTemp("", "drawbridge-soak-")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	mixes, cfg, err := lay()
	if err != nil {
		return v, err
	}
	gw, err := gateway.Launch(p.binary, dir, cfg)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, gw.Stop()) }()
	warm, err := p.load(ctx, gw, mixes, filepath.Join(dir, "warm"), p.warmUp)
	if err != nil {
		return v, err
	}
	if v.before, err = settle(ctx, gw); err != nil {
		return v, err
	}
	begin := time.Now()
	load, err := p.load(ctx, gw, mixes, filepath.Join(dir, "load"), p.duration)
	v.took = time.Since(begin)
	v.rate = float64(load.calls) / (v.took - upTime).Seconds()
	if err != nil {
		return v, err
	}
	if v.after, err = settle(ctx, gw); err != nil {
		return v, err
	}
	v.shed = v.after.overload - v.before.overload
	v.calls, v.failed = warm.calls+load.calls, warm.failed+load.failed
	v.records, err = records(gw.CDRFile())
	return v, err
}

// load makes calls of every kind for a while, and tells how it goes.
func (p plan) load(ctx context.Context, gw *gateway.Gateway, mixes []*mix, dir string, d time.Duration) (count, error) {
	ctx, cancel := context.WithCancel(ctx)
	var reporter sync.WaitGroup
	reporter.Go(func() { report(ctx, gw) })
	n, err := play(ctx, gw.SIP, mixes, dir, p.rate, d)
	cancel()
	reporter.Wait()
	return n, err
}

// report prints what the gateway holds, each interval.
func report(ctx context.Context, gw *gateway.Gateway) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if l, err := read(gw); err == nil {
				fmt.Println(l)
			}
		case <-ctx.Done():
			return
		}
	}
}

// records counts the lines of the call record file.
func records(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n := 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		n++
	}
	return n, lines.Err()
}

// verdict is the outcome.
type verdict struct {
	before, after level
	calls, failed int // SIPp's, warm-up included
	rate          float64
	shed          float64 // requests turned away because the gateway was late: failed calls, too
	records       int     // call records
	took          time.Duration
}

func (v verdict) good() bool {
	return v.calls > 0 && v.lost() == 0 && v.leaks() == 0 && v.records == v.calls && v.after.panics == 0
}

// lost are calls that did not go as written, on either side.
func (v verdict) lost() int { return v.failed }

func (v verdict) leaks() int { return len(v.before.leaks(v.after)) }

func (v verdict) String() string {
	for _, l := range v.before.leaks(v.after) {
		fmt.Println("leak:", l)
	}
	return fmt.Sprintf("leaks=%d lost=%d shed=%.0f calls=%d cdrs=%d rate=%.0f/s dialogs=%.0f transactions=%.0f ports=%.0f goroutines=%.0f->%.0f heap_kb=%.0f->%.0f panics=%.0f took=%s",
		v.leaks(), v.lost(), v.shed, v.calls, v.records, v.rate, v.after.dialogs, v.after.transactions, v.after.ports,
		v.before.goroutines, v.after.goroutines, v.before.heap/1024, v.after.heap/1024, v.after.panics, v.took.Round(time.Second))
}
