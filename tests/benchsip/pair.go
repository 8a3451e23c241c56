package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// missingPair says what is not installed; "" when everything is.
func missingPair() string {
	for _, program := range []string{"kamailio", "rtpengine"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: no comparison (Debian: kamailio, rtpengine-daemon)"
		}
	}
	return ""
}

// peer is Kamailio and rtpengine on the gateway's core.
type peer struct {
	cmds []*exec.Cmd
	log  bytes.Buffer
}

func (b *bench) startPair(ctx context.Context) (*peer, error) {
	p := &peer{}
	for _, args := range [][]string{
		{"rtpengine", "--foreground", "--table=-1", "--interface=127.0.21.1", "--listen-ng=127.0.21.8:22222", "--port-min=10000", "--port-max=59999",
			"--log-stderr", "--log-level=3", "--pidfile=" + filepath.Join(b.dir, "rtpengine.pid"), "--config-file=none"},
		{"kamailio", "-DD", "-E", "-f", filepath.Join(b.dir, "kamailio.cfg"), "-P", filepath.Join(b.dir, "kamailio.pid"), "-Y", b.dir, "-m", "512", "-M", "32"},
	} {
		cmd := exec.Command("taskset", append([]string{"-c", coreOfGateway}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Stdout, cmd.Stderr = &p.log, &p.log
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(err, p.stop())
		}
		p.cmds = append(p.cmds, cmd)
		pause(ctx, pairStart)
	}
	if n := len(p.pids()); n < 4 {
		return nil, fmt.Errorf("kamailio does not run: %w\n%s", p.stop(), p.log.String())
	}
	return p, nil
}

// pairStart is what either needs to be ready.
const pairStart = 2 * time.Second

// pids are the processes of both groups.
func (p *peer) pids() (out []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest)
		if len(f) < 3 {
			continue
		}
		for _, cmd := range p.cmds {
			if f[2] == strconv.Itoa(cmd.Process.Pid) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				out = append(out, pid)
			}
		}
	}
	return out
}

func (p *peer) stop() error {
	for _, cmd := range p.cmds {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		time.AfterFunc(stopLimit, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait() // what a killed program returns says nothing
	}
	return nil
}

// measurePair runs a load against Kamailio and rtpengine. Their transactions are over five seconds after the last call.
func (b *bench) measurePair(ctx context.Context, l load) (result, error) {
	p, err := b.startPair(ctx)
	if err != nil {
		return result{}, err
	}
	r, err := measure(ctx, b.dir, "kamailio+rtpengine", l, p.pids(), func(ctx context.Context) error {
		pause(ctx, 10*time.Second)
		return ctx.Err()
	})
	return r, errors.Join(err, p.stop())
}
