package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"drawbridge/tests/gateway"
)

// process is the gateway under test.
type process struct {
	cmd  *exec.Cmd
	log  gateway.Output
	done chan error
}

const (
	startLimit = 20 * time.Second
	stopLimit  = 20 * time.Second
	lookEvery  = 50 * time.Millisecond
)

// start runs `drawbridge serve` and waits for its private port. The certificate, which no repository should hold, and the socket that
// needs it come on top of the file.
func start(ctx context.Context, binary, config string, key gateway.Identity) (*process, error) {
	if binary == "" {
		return nil, errors.New("-binary is missing")
	}
	if c, err := net.DialTimeout("tcp", adminAddr, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s is taken: is another run in progress?", adminAddr)
	}
	p := &process{cmd: exec.CommandContext(ctx, binary, "serve", "--config", config), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), "DRAWBRIDGE_REALMS_CARRIER_TLS_CERT="+key.CertFile, "DRAWBRIDGE_REALMS_CARRIER_TLS_KEY="+key.KeyFile,
		"DRAWBRIDGE_WEB_TLS_CERT="+key.CertFile, "DRAWBRIDGE_WEB_TLS_KEY="+key.KeyFile,
		"DRAWBRIDGE_REALMS_CARRIER_LISTEN=udp:"+sipAddr+",tcp:"+sipAddr+",tls:"+tlsAddr)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.done <- p.cmd.Wait() }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for deadline := time.After(startLimit); ; {
		select {
		case err := <-p.done:
			return nil, fmt.Errorf("the gateway ended: %w\n%s", err, p.log.String())
		case <-deadline:
			return nil, errors.Join(fmt.Errorf("the gateway does not listen on %s", adminAddr), p.stop())
		case <-tick.C:
			if _, err := get(ctx, "/metrics"); err == nil {
				return p, nil
			}
		}
	}
}

// stop ends the process. It has to end by itself.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case err := <-p.done:
		return err
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		return errors.Join(errors.New("the gateway does not stop"), <-p.done)
	}
}

var panics = regexp.MustCompile(`(?m)^drawbridge_panics_total (\S+)`)

// unhurt reads from the metrics that nothing panicked.
func (p *process) unhurt(ctx context.Context) error {
	text, err := get(ctx, "/metrics")
	if err != nil {
		return err
	}
	switch m := panics.FindStringSubmatch(text); {
	case m == nil:
		return errors.New("no drawbridge_panics_total in the metrics")
	case m[1] != "0":
		return fmt.Errorf("%s panics:\n%s", m[1], strings.Join(grep(p.log.String(), "panic"), "\n"))
	}
	return nil
}

func get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+adminAddr+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}
