package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Gateway is one running program.
type Gateway struct {
	Config Config
	Web    netip.AddrPort // HTTPS and WSS
	Plain  netip.AddrPort // HTTP on loopback
	Admin  netip.AddrPort
	SIP    netip.AddrPort // UDP and TCP, trunk side
	SIPS   netip.AddrPort // TLS, trunk side, if Config.TLS says so
	Media  netip.AddrPort // UDP, browser side

	cdr  string
	cmd  *exec.Cmd
	log  *Output
	done chan struct{} // closed when the process has ended; err is set
	err  error
}

const (
	startLimit = 20 * time.Second
	stopLimit  = 15 * time.Second
)

// Start runs `drawbridge serve` with cfg until the test ends. The log is printed when the test fails.
func Start(t testing.TB, cfg Config) *Gateway {
	t.Helper()
	binary, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Launch(binary, t.TempDir(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.finish(t) })
	return g
}

// Launch runs `drawbridge serve` with cfg; its files are in dir. It returns when both HTTP ports answer.
func Launch(binary, dir string, cfg Config) (*Gateway, error) {
	if len(cfg.Users) == 0 {
		cfg.Users = []User{{Name: "alice", Password: "wonderland", Number: "+4930111"}}
	}
	if cfg.Key.CertFile == "" {
		var err error
		if cfg.Key, err = MakeIdentity(dir); err != nil {
			return nil, err
		}
	}
	p, err := choose()
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		Config: cfg,
		Web:    port(AccessAddr, p.web), Plain: port(AccessAddr, p.plain), Admin: port(AccessAddr, p.admin),
		SIP: port(CarrierAddr, p.sip), SIPS: port(CarrierAddr, p.sips), Media: port(cfg.media(), p.media),
		cdr: filepath.Join(dir, "cdr.jsonl"), log: &Output{}, done: make(chan struct{}),
	}
	file := filepath.Join(dir, "drawbridge.yaml")
	if err := os.WriteFile(file, []byte(cfg.yaml(p, g.cdr)), 0o600); err != nil {
		return nil, err
	}
	g.cmd = exec.Command(binary, "serve", "--config", file)
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.done)
	}()
	if !Within(startLimit, func() bool { return g.ended() || accepts(g.Admin) && accepts(g.Web) }) || g.ended() {
		return nil, fmt.Errorf("the gateway does not listen: %w\n%s", g.Stop(), g.log.String())
	}
	return g, nil
}

func (g *Gateway) ended() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

func port(a netip.Addr, p int) netip.AddrPort { return netip.AddrPortFrom(a, uint16(p)) }

func accepts(at netip.AddrPort) bool {
	c, err := net.DialTimeout("tcp", at.String(), time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// finish ends the process when the test has not done so, and shows the log of a failed test.
func (g *Gateway) finish(t testing.TB) {
	if err := g.Stop(); err != nil {
		t.Errorf("the gateway did not end well: %v", err)
	}
	if t.Failed() {
		t.Logf("gateway log:\n%s", g.log.tail(12_000))
	}
}

// Stop sends SIGTERM and waits for the end. Later calls return the same.
func (g *Gateway) Stop() error {
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-g.done:
	case <-time.After(stopLimit):
		_ = g.cmd.Process.Kill()
		<-g.done
	}
	return g.err
}

// Signal sends a signal to the process.
func (g *Gateway) Signal(sig os.Signal) error { return g.cmd.Process.Signal(sig) }

// Done is closed when the process has ended.
func (g *Gateway) Done() <-chan struct{} { return g.done }

// PID of the process.
func (g *Gateway) PID() int { return g.cmd.Process.Pid }

// Log is everything the program has written so far.
func (g *Gateway) Log() string { return g.log.String() }

// get reads a page of the private port.
func (g *Gateway) get(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Admin.String()+path, nil)
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

// Output collects what a process writes, while others read it.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Output) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that has been written so far.
func (l *Output) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *Output) tail(n int) string {
	s := l.String()
	if len(s) > n {
		_, s, _ = strings.Cut(s[len(s)-n:], "\n")
	}
	return s
}
