// Command bench measures what a media packet and a second of a call cost the gateway, beside rtpengine on the same machine, in the same
// run and at the same packets per second. It prints CPU time of the measured process and ratios; read the ratios.
//
// Files: main.go (the plan), farm.go (calls and their traffic), uas.go (the phone behind our trunk), ours.go and rtpengine.go (the two
// media relays), ng.go (rtpengine's control protocol).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"time"
)

// A plan is one comparison.
type plan struct {
	name  string
	codec string // of the WebRTC side; the trunk speaks PCMA
	calls int
	unit  string
	// per turns CPU time into the printed figure.
	per func(cpu time.Duration, s sample) float64
}

// sample is one measured window.
type sample struct {
	calls          int
	window         time.Duration
	sent, received uint64 // packets, both directions
	cpu            time.Duration
}

var plans = []plan{
	{
		name: "relay SRTP <-> RTP", codec: "PCMA", calls: 300, unit: "µs/packet",
		per: func(cpu time.Duration, s sample) float64 {
			return float64(cpu.Nanoseconds()) / 1e3 / float64(max(s.received, 1))
		},
	},
	{
		name: "Opus <-> PCMA", codec: "opus", calls: 25, unit: "ms/s of call",
		per: func(cpu time.Duration, s sample) float64 {
			return cpu.Seconds() * 1e3 / s.window.Seconds() / float64(s.calls)
		},
	},
}

// relay is a media relay under measurement.
type relay interface {
	name() string
	pid() int
	// join takes the WebRTC side's offer and the trunk's address, and returns the answer and where the trunk's packets go.
	join(ctx context.Context, call int, offer string) (answer string, trunk farmTarget, err error)
	leave(call int) error
	close() error
}

const (
	rounds    = 3 // of each relay, alternating; the median counts
	window    = 4 * time.Second
	lossLimit = 0.02
)

func main() {
	binary := flag.String("binary", "", "the gateway's program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string) (err error) {
	if binary == "" {
		return errors.New("-binary is missing")
	}
	dir, err := os.MkdirTemp("", "drawbridge-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	phones, err := openPhones()
	if err != nil {
		return err
	}
	defer phones.close()
	relays, err := open(binary, dir, phones)
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range relays {
			err = errors.Join(err, r.close())
		}
	}()
	for _, p := range plans {
		if err := measure(ctx, p, relays, phones); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// open starts the relays: ours, and rtpengine where it is installed.
func open(binary, dir string, phones *phones) ([]relay, error) {
	ours, err := openOurs(binary, dir, phones)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("rtpengine"); err != nil {
		fmt.Println("rtpengine is not installed: no comparison (Debian: rtpengine-daemon)")
		return []relay{ours}, nil
	}
	other, err := openRTPEngine(dir, phones)
	if err != nil {
		return nil, errors.Join(err, ours.close())
	}
	return []relay{ours, other}, nil
}

// measure sets the calls of a plan up on every relay, lets the relays work in turn, and prints one line.
func measure(ctx context.Context, p plan, relays []relay, phones *phones) error {
	farms := make([]*farm, len(relays))
	for i, r := range relays {
		f, err := newFarm(ctx, r, p, phones)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name(), err)
		}
		defer f.close()
		farms[i] = f
	}
	figures := make([][]float64, len(relays))
	packets := 0.0
	for range rounds {
		for i, f := range farms {
			s, err := f.window(ctx, window)
			if err != nil {
				return fmt.Errorf("%s: %w", relays[i].name(), err)
			}
			if lost := 1 - float64(s.received)/float64(s.sent); lost > lossLimit {
				fmt.Printf("# %s, %s: %.1f %% of the packets did not come out\n", p.name, relays[i].name(), 100*lost)
			}
			figures[i] = append(figures[i], p.per(s.cpu, s))
			packets = float64(s.sent) / s.window.Seconds()
		}
	}
	fmt.Printf("%-20s %4d calls %7.0f packets/s", p.name, p.calls, packets)
	for i, r := range relays {
		fmt.Printf("   %s %.2f %s", r.name(), median(figures[i]), p.unit)
	}
	if len(relays) == 2 {
		fmt.Printf("   ratio %.2f", median(figures[0])/median(figures[1]))
	}
	fmt.Println()
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
