// Command bench measures what a media packet and a second of a call cost the gateway, beside rtpengine on the same machine, in the same
// run and at the same packets per second. It prints CPU time of the measured process and ratios; read the ratios. The last line has the
// figures that have a target, and the exit status says whether all were met.
//
// Files: main.go (the plan), verdict.go (targets), farm.go (calls), pump.go (their traffic), cores.go, quality.go (what speech
// sounds like), floor.go, nobody.go and mail.go (what the system calls take by themselves), held.go (memory and set-up of calls), setup.go (set-up once more, to compare), uas.go (the phone behind our trunk), ours.go and rtpengine.go (the two media relays),
// ng.go (rtpengine's control protocol), ahead.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The plan.
const (
	relayCalls = 500 // of 50 packets/s each way: 50 000 packets/s
	// Windows of each relay, alternating; the median counts. A machine that stands still now and then does so in up to a third of the windows.
	relayRounds     = 7
	transcodeRounds = 4
)

var transcodeCalls = []int{40, 75}

// relay is a media relay under measurement.
type relay interface {
	name() string
	cpu() (time.Duration, error) // that it has used so far
	// join takes the WebRTC side's offer and the trunk's address, and returns the answer and where the trunk's packets go.
	join(ctx context.Context, call int, offer string) (answer string, trunk farmTarget, err error)
	leave(call int) error
	idle() error // waits until calls that were left are gone
	close() error
}

func main() {
	b := bench{}
	flag.StringVar(&b.binary, "binary", "", "the gateway's program")
	flag.StringVar(&b.only, "only", "", "parts to run, of relay,transcode,speech,held; all by default, and setup too with -against")
	flag.BoolVar(&b.alone, "alone", false, "without rtpengine")
	flag.StringVar(&b.against, "against", "", "another program of the gateway, to compare with instead of rtpengine")
	flag.DurationVar(&b.window, "window", 4*time.Second, "length of a measured window")
	idle := flag.Bool("nobody", false, "be the relay that looks at nothing (floor.go)")
	flag.Parse()
	if *idle {
		exit(beNobody())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	back := goAhead()
	err := b.run(ctx)
	back()
	exit(err)
}

// exit ends the program in vain when there is an error.
func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the plan.
type bench struct {
	binary  string
	against string
	only    string
	alone   bool
	window  time.Duration
	dir     string

	phones  *phones
	relays  []relay // ours first
	verdict verdict
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.binary == "" {
		return errors.New("-binary is missing")
	}
	if b.dir, err = os.MkdirTemp("", "drawbridge-bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.phones, err = openPhones(); err != nil {
		return err
	}
	defer b.phones.close()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"relay", func(ctx context.Context) error { return b.with(ctx, relayCores(), pumpCores(), b.relaying) }},
		{"transcode", func(ctx context.Context) error { return b.with(ctx, nil, nil, b.transcoding) }},
		{"speech", func(ctx context.Context) error { return b.with(ctx, nil, nil, b.listening) }},
		{"held", b.holding},
		{"setup", func(ctx context.Context) error { return b.with(ctx, nil, nil, b.settingUp) }},
	} {
		if b.only != "" && !strings.Contains(b.only, part.name) || b.only == "" && part.name == "setup" && b.against == "" {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return b.verdict.print()
}

// with starts the relays on some cores for one part of the plan, whose packets come from others.
func (b *bench) with(ctx context.Context, relays, pump cores, part func(context.Context) error) (err error) {
	dir, err := os.MkdirTemp(b.dir, "part")
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range b.relays {
			err = errors.Join(err, r.close())
		}
		b.relays = nil
	}()
	if err := on(relays, func() error { return b.open(dir) }); err != nil {
		return err
	}
	back, err := pumpHere(pump)
	if err != nil {
		return err
	}
	return errors.Join(part(ctx), back())
}

// open starts the relays: ours, and rtpengine where it is installed.
func (b *bench) open(dir string) error {
	ours, err := openOurs(b.binary, dir, b.phones)
	if err != nil {
		return err
	}
	b.relays = []relay{ours}
	if b.against != "" {
		return b.openAgainst(dir)
	}
	if b.alone {
		return nil
	}
	if _, err := exec.LookPath("rtpengine"); err != nil {
		fmt.Println("rtpengine is not installed: no comparison (Debian: rtpengine-daemon)")
		return nil
	}
	other, err := openRTPEngine(dir, b.phones)
	if err != nil {
		return err
	}
	b.relays = append(b.relays, other)
	return nil
}

// openAgainst starts another version of the gateway.
func (b *bench) openAgainst(dir string) error {
	dir = filepath.Join(dir, "against")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	other, err := openOurs(b.against, dir, b.phones)
	if err != nil {
		return err
	}
	b.relays = append(b.relays, version{other})
	return nil
}

// results are the windows of one plan, for each relay.
type results [][]sample

// compare sets the calls of a plan up on every relay and lets the relays work in turn.
func (b *bench) compare(ctx context.Context, calls, rounds int, codec string, s sound) (out results, err error) {
	out = make(results, len(b.relays))
	farms := make([]*farm, len(b.relays))
	for i, r := range b.relays {
		f, err := newFarm(ctx, r, calls, codec, s, b.phones)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name(), err)
		}
		defer func() { err = errors.Join(err, f.close()) }()
		farms[i] = f
	}
	for range rounds {
		for i, f := range farms {
			s, err := f.measure(b.window)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", b.relays[i].name(), err)
			}
			s.delays = slices.Clone(s.delays)
			out[i] = append(out[i], s)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}

// relaying is SRTP <-> RTP with one codec on both sides.
func (b *bench) relaying(ctx context.Context) error {
	pcma, err := tone("PCMA", 8000)
	if err != nil {
		return err
	}
	res, err := b.compare(ctx, relayCalls, relayRounds, "PCMA", sound{web: pcma, trunk: pcma})
	if err != nil {
		return err
	}
	perPacket := func(s sample) float64 { return float64(s.cpu.Nanoseconds()) / 1e3 / float64(max(s.received, 1)) }
	b.print("relay SRTP <-> RTP", "µs/packet", res, perPacket)
	b.printWindows(res, perPacket)
	for i, r := range b.relays {
		fmt.Printf("  %-11s added delay p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, of the windows %.2f ms; %d of %d packets lost\n", r.name(),
			res.delay(i, 0.5), res.delay(i, 0.99), res.delay(i, 0.999), res.median(i, thousandth), res.lost(i), res.sent(i))
	}
	if err := b.ground(res, perPacket); err != nil {
		return fmt.Errorf("the system calls alone: %w", err)
	}
	b.verdict.ratio("relay_ratio", res, perPacket, maxRelay)
	b.verdict.limit("p999_ms", res.median(0, thousandth), maxDelay)
	b.verdict.limit("loss", float64(res.lost(0)), 0)
	return nil
}

// thousandth is the longest delay of a window but for a thousandth of them. The median of the windows counts, as of CPU: a machine that stands
// still for five milliseconds, as a virtual one does now and then, spoils its window and no other. What a relay does to itself comes again.
func thousandth(s sample) float64 { return quantile(s.delays, 0.999) }

// transcoding is Opus <-> PCMA.
func (b *bench) transcoding(ctx context.Context) error {
	opus, err1 := tone("opus", opusRate)
	pcma, err2 := tone("PCMA", 8000)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	perSecond := func(s sample) float64 { return s.cpu.Seconds() * 1e3 / s.window.Seconds() / float64(s.calls) }
	for _, calls := range transcodeCalls {
		res, err := b.compare(ctx, calls, transcodeRounds, "opus", sound{web: opus, trunk: pcma})
		if err != nil {
			return err
		}
		b.print("Opus <-> PCMA", "ms/s of call", res, perSecond)
		b.verdict.ratio("transcode_ratio", res, perSecond, maxTranscode)
	}
	return nil
}

func (b *bench) print(name, unit string, res results, per func(sample) float64) {
	s := res[0][0]
	fmt.Printf("%-20s %4d calls %7.0f packets/s", name, s.calls, float64(s.sent)/s.window.Seconds())
	for i, r := range b.relays {
		fmt.Printf("   %s %.2f %s", r.name(), res.median(i, per), unit)
	}
	if len(res) == 2 {
		fmt.Printf("   ratio %.3f", res.median(0, per)/res.median(1, per))
	}
	fmt.Println()
}

// printWindows shows how far apart the windows of a plan were, and the longest but a thousandth of the delays: of a busy machine they tell.
func (b *bench) printWindows(res results, per func(sample) float64) {
	for i, r := range b.relays {
		fmt.Printf("  %-11s windows", r.name())
		for _, s := range res[i] {
			fmt.Printf(" %.2f (%.2f ms)", per(s), thousandth(s))
		}
		fmt.Println()
	}
}

func (r results) median(relay int, per func(sample) float64) float64 {
	var v []float64
	for _, s := range r[relay] {
		v = append(v, per(s))
	}
	return median(v)
}

// median of some figures; of an even number it is the mean of the two in the middle.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// delay is a quantile over all windows, in ms.
func (r results) delay(relay int, q float64) float64 {
	var all []int64
	for _, s := range r[relay] {
		all = append(all, s.delays...)
	}
	return quantile(all, q)
}

// quantile sorts delays; it returns ms.
func quantile(delays []int64, q float64) float64 {
	if len(delays) == 0 {
		return 0
	}
	slices.Sort(delays)
	return float64(delays[min(int(q*float64(len(delays))), len(delays)-1)]) / 1e6
}

func (r results) sent(relay int) (n uint64) {
	for _, s := range r[relay] {
		n += s.sent
	}
	return n
}

func (r results) lost(relay int) (n uint64) {
	for _, s := range r[relay] {
		n += s.sent - min(s.received, s.sent)
	}
	return n
}
