package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// count is what SIPp says of its calls.
type count struct{ calls, failed int }

// phone is one SIPp.
type phone struct {
	title  string
	calls  int
	counts bool   // its calls have call records
	stats  string // its CSV file
	errors string
	cmd    *exec.Cmd
	ended  chan struct{}
}

const (
	upTime = 2 * time.Second  // for the callees to have their sockets
	grace  = 40 * time.Second // for the last calls: a lost message may take its transaction's 32 s
)

// play makes calls of all kinds for d. A call fails when either side does not see its scene to the end. Other messages are passed over: what
// is repeated because this machine was busy is no mistake.
func play(ctx context.Context, target netip.AddrPort, mixes []*mix, dir string, rate float64, d time.Duration) (count, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return count{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, upTime+d+grace)
	defer cancel()
	var callers, callees []*phone
	var err error
	for i, m := range mixes {
		for _, role := range m.scene.Roles() {
			p, e := m.phone(ctx, role, filepath.Join(dir, fmt.Sprintf("%d-%s", i, role)), target, rate, d)
			err = errors.Join(err, e)
			if role == "caller" {
				callers = append(callers, p)
			} else {
				callees = append(callees, p)
			}
		}
	}
	if err != nil {
		return count{}, err
	}
	err = errors.Join(start(callees), wait(ctx, upTime), start(callers))
	for _, p := range append(callers, callees...) {
		if p.ended != nil {
			<-p.ended
		}
	}
	return sum(append(callers, callees...)), err
}

// phone prepares the SIPp of a role: as many calls as its share of the rate makes in d.
func (m *mix) phone(ctx context.Context, role, base string, target netip.AddrPort, rate float64, d time.Duration) (*phone, error) {
	script, err := m.scene.Script(role, m.values)
	if err != nil {
		return nil, err
	}
	file := base + ".xml"
	if err := os.WriteFile(file, []byte(script.Text), 0o600); err != nil {
		return nil, err
	}
	perSecond := rate * m.share / 100
	calls := max(1, int(perSecond*d.Seconds()))
	at := m.hosts[role]
	p := &phone{title: m.name + " " + role, calls: calls, counts: role == "caller" && !m.outside, stats: base + ".csv", errors: base + ".errors"}
	args := []string{
		"-sf", file, "-i", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "-m", strconv.Itoa(calls),
		"-nostdin", "-nd", "-key", "caller", "+4989222", "-key", "rtp_port", "4000", "-key", "contact", at.String() + m.transport(),
		"-trace_stat", "-stf", p.stats, "-fd", "5", "-trace_err", "-error_file", p.errors,
	}
	if m.over == "tcp" {
		args = append(args, "-t", "t1")
	}
	if role == "caller" {
		perTen := max(1, int(perSecond*10)) // SIPp's rate is a whole number
		args = append(args, "-r", strconv.Itoa(perTen), "-rp", "10s", "-l", "10000", "-s", m.number, target.String())
	}
	p.cmd = exec.CommandContext(ctx, "sipp", args...)
	p.cmd.Dir = filepath.Dir(base)
	p.cmd.Env = append(os.Environ(), "TERM=dumb")
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGUSR1) } // it writes its statistics
	p.cmd.WaitDelay = 5 * time.Second
	return p, nil
}

// transport is what a Contact says beside the address.
func (m *mix) transport() string {
	if m.over == "" {
		return ""
	}
	return ";transport=" + m.over
}

func start(phones []*phone) error {
	for _, p := range phones {
		if err := p.cmd.Start(); err != nil {
			return err
		}
		p.ended = make(chan struct{})
		go func() {
			defer close(p.ended)
			_ = p.cmd.Wait() // its statistics say what went wrong
		}()
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sum adds the calls of phones and says which of them failed.
func sum(phones []*phone) count {
	var total count
	for _, p := range phones {
		c := p.count()
		if p.counts {
			total.calls += c.calls
		}
		total.failed += c.failed
		if c.failed > 0 {
			fmt.Printf("%s: %d of %d calls failed\n%s\n", p.title, c.failed, p.calls, p.mistakes())
		}
	}
	return total
}

// mistakes are the first things that SIPp did not like. What it says of every call, and of a busy machine, is left out.
func (p *phone) mistakes() string {
	text, err := os.ReadFile(p.errors)
	if err != nil {
		return err.Error()
	}
	at := regexp.MustCompile(`(Failed regexp|Continuing call|Aborting call|Dead call)`).FindIndex(text)
	if at == nil {
		return ""
	}
	return string(text[at[0]:min(at[0]+2000, len(text))])
}

// count reads the last line of the statistics. What was not even begun has failed.
func (p *phone) count() count {
	text, err := os.ReadFile(p.stats)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || len(lines) < 2 {
		return count{failed: p.calls}
	}
	names, last := strings.Split(lines[0], ";"), strings.Split(lines[len(lines)-1], ";")
	value := func(name string) int {
		for i, n := range names {
			if n == name && i < len(last) {
				v, _ := strconv.Atoi(last[i])
				return v
			}
		}
		return 0
	}
	good := value("SuccessfulCall(C)")
	return count{calls: value("TotalCallCreated"), failed: p.calls - good}
}
