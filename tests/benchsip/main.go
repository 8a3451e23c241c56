// Command benchsip measures what a call costs the gateway in signalling: SIPp calls through it from trunk to trunk, with policy, call
// records and anchored media, but no RTP. The gateway has one core, SIPp the other. Kamailio with rtpengine, where they are installed,
// carries the same calls in the same run: read the ratio. Then it is offered more than it can carry, and holds many calls at once.
//
// Files: main.go (the plan and the verdict), load.go (one run), sipp.go (the phones), gateway.go (ours), pair.go (Kamailio and
// rtpengine), overload.go, reject.go and flood.go (the price of a 503), held.go; the programs' files are in files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Targets of the project.
const (
	maxCPU      = 0.25 // ms of the gateway's CPU a call, alone
	maxRatio    = 0.35 // of Kamailio with rtpengine, at pairRate
	minGoodput  = 0.80 // of the peak, with overloadRate offered
	maxRejected = 0.02 // of a completed call's CPU
	maxHeld     = 6.0  // kB of heap a held call, signalling
)

// The plan.
const (
	pairRate     = 500 // calls/s; Kamailio with rtpengine fails above 750
	rounds       = 2   // of each, alternating; the lower figure counts: what disturbs a run only adds
	talk         = 500 * time.Millisecond
	overloadRate = 4000
	overloadTime = 30 * time.Second
)

var aloneRates = []int{1500, 3000}

func main() {
	binary := flag.String("binary", "", "the gateway's program")
	seconds := flag.Int("seconds", 10, "length of a run")
	only := flag.String("only", "", "parts to run, of pair,alone,overload,reject,held; all by default")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	b := bench{binary: *binary, length: time.Duration(*seconds) * time.Second, only: *only}
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "benchsip:", err)
		os.Exit(1)
	}
}

// bench is one run of the plan.
type bench struct {
	binary string
	length time.Duration
	only   string
	dir    string

	callCPU float64 // ms of a completed call, alone; 0 until that is measured
	verdict verdict
}

// verdict collects the last line and what misses its target.
type verdict struct {
	figures []string
	missed  []string
}

func (v *verdict) say(name string, value float64) {
	v.figures = append(v.figures, fmt.Sprintf("%s=%.3f", name, value))
}

func (v *verdict) miss(format string, args ...any) {
	v.missed = append(v.missed, fmt.Sprintf(format, args...))
}

var errMissed = errors.New("a target was missed")

func (b *bench) run(ctx context.Context) (err error) {
	if b.binary == "" {
		return errors.New("-binary is missing")
	}
	if b.dir, err = os.MkdirTemp("", "drawbridge-benchsip"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := unpack(b.dir); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"pair", b.pair}, {"alone", b.alone}, {"overload", b.overload}, {"reject", b.reject}, {"held", b.held}} {
		if b.only != "" && !strings.Contains(b.only, part.name) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	for _, m := range b.verdict.missed {
		fmt.Println("missed:", m)
	}
	fmt.Println(strings.Join(b.verdict.figures, " "))
	if len(b.verdict.missed) > 0 {
		return errMissed
	}
	return nil
}

// pair compares at the rate that Kamailio with rtpengine still carries.
func (b *bench) pair(ctx context.Context) error {
	plan := load{rate: pairRate, length: b.length, talk: talk}
	var own, peer []float64
	for range rounds {
		r, err := b.measureOurs(ctx, plan)
		if err != nil {
			return err
		}
		own = append(own, r.msPerCall())
		if why := missingPair(); why != "" {
			fmt.Println(why)
			continue
		}
		if r, err = b.measurePair(ctx, plan); err != nil {
			return err
		}
		peer = append(peer, r.msPerCall())
	}
	ours := least(own)
	b.verdict.say("cpu_ms_per_call_500", ours)
	if len(peer) == 0 {
		b.verdict.miss("ratio: there is nothing to compare with")
		return nil
	}
	ratio := ours / least(peer)
	fmt.Printf("%d calls/s: drawbridge %.3f ms/call, kamailio+rtpengine %.3f ms/call, ratio %.2f\n", pairRate, ours, least(peer), ratio)
	b.verdict.say("ratio", ratio)
	if ratio > maxRatio {
		b.verdict.miss("ratio %.2f, at most %.2f", ratio, maxRatio)
	}
	return nil
}

// alone measures at rates of a busy gateway.
func (b *bench) alone(ctx context.Context) error {
	for _, rate := range aloneRates {
		var own []float64
		for range rounds {
			r, err := b.measureOurs(ctx, load{rate: rate, length: b.length, talk: talk})
			if err != nil {
				return err
			}
			own = append(own, r.msPerCall())
		}
		b.callCPU = max(b.callCPU, least(own))
	}
	b.verdict.say("cpu_ms_per_call", b.callCPU)
	if b.callCPU > maxCPU {
		b.verdict.miss("%.3f ms CPU a call, at most %.2f", b.callCPU, maxCPU)
	}
	return nil
}

func least(v []float64) float64 {
	out := v[0]
	for _, x := range v[1:] {
		out = min(out, x)
	}
	return out
}

// unpack writes the programs' files into dir.
func unpack(dir string) error {
	entries, err := files.ReadDir("files")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return err
		}
		text = []byte(strings.ReplaceAll(string(text), "DIR", dir))
		if err := os.WriteFile(filepath.Join(dir, e.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
