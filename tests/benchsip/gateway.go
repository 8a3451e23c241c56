package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"drawbridge/tests/gateway"
)

const (
	adminAddr  = "127.0.21.9:9380"
	startLimit = 10 * time.Second
	stopLimit  = 10 * time.Second
	quietTime  = time.Second
	quietCPU   = 10 * time.Millisecond // of that
	lifetime   = 33 * time.Second      // transactions live for 32 s behind a call
	overLimit  = 45 * time.Second
)

// ours is the gateway on its core.
type ours struct {
	cmd *exec.Cmd
	log *os.File
}

// startOurs starts it; env is added to its environment.
func (b *bench) startOurs(env ...string) (*ours, error) {
	log, err := os.Create(filepath.Join(b.dir, "drawbridge.log"))
	if err != nil {
		return nil, err
	}
	o := &ours{log: log, cmd: exec.Command("taskset", "-c", coreOfGateway, b.binary, "serve", "--config", filepath.Join(b.dir, "drawbridge.yaml"))}
	o.cmd.Stderr, o.cmd.Env = log, append(os.Environ(), env...)
	if err := o.cmd.Start(); err != nil {
		return nil, err
	}
	if !gateway.Within(startLimit, func() bool {
		c, err := net.DialTimeout("tcp", adminAddr, time.Second)
		if err != nil {
			return false
		}
		c.Close()
		return true
	}) {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the gateway does not listen: %w\n%s", o.stop(), text)
	}
	return o, o.rest()
}

// rest waits until the gateway has done what it does at its start: it measures what the machine can transcode, for one.
func (o *ours) rest() error {
	before, err := gateway.CPU(o.pid())
	for end := time.Now().Add(startLimit); err == nil && time.Now().Before(end); {
		pause(context.Background(), quietTime)
		now, failed := gateway.CPU(o.pid())
		if failed == nil && now-before < quietCPU {
			return nil
		}
		before, err = now, failed
	}
	return errors.Join(errors.New("the gateway does not come to rest"), err, o.stop())
}

// pid is the gateway's: taskset has become it.
func (o *ours) pid() int { return o.cmd.Process.Pid }

func (o *ours) stop() error {
	defer o.log.Close()
	_ = o.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(stopLimit, func() { _ = o.cmd.Process.Kill() })
	defer kill.Stop()
	return o.cmd.Wait()
}

// metrics reads /metrics: a metric's name to the sum of its series.
func (o *ours) metrics(ctx context.Context) (map[string]float64, error) {
	text, err := o.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, _, _ := strings.Cut(lines.Text(), "{")
		name, _, _ = strings.Cut(name, " ")
		v, err := strconv.ParseFloat(lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:], 64)
		if err == nil && name != "#" {
			out[name] += v
		}
	}
	return out, nil
}

func (o *ours) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+adminAddr+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return b.Bytes(), err
}

var errLeft = errors.New("calls or transactions are left")

// settle waits until the last transaction is over. It does not look before that can be: a look costs as much as ten calls.
func (o *ours) settle(ctx context.Context) error {
	pause(ctx, lifetime)
	for end := time.Now().Add(overLimit); time.Now().Before(end) && pause(ctx, time.Second); {
		m, err := o.metrics(ctx)
		if err != nil {
			return err
		}
		if m["drawbridge_transactions"] == 0 && m["drawbridge_media_sessions"] == 0 {
			return nil
		}
	}
	return errLeft
}

// measureOurs runs a load against a fresh gateway.
func (b *bench) measureOurs(ctx context.Context, l load) (result, error) {
	o, err := b.startOurs()
	if err != nil {
		return result{}, err
	}
	r, err := measure(ctx, b.dir, "drawbridge", l, []int{o.pid()}, o.settle)
	return r, errors.Join(err, r.lost(), o.stop())
}
