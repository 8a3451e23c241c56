package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Places of the gateway under attack: its trunk side, which only trunks are heard on, and the side of its phones, open to all.
var (
	trunkSide = netip.MustParseAddrPort("203.0.113.9:5060")
	phoneSide = netip.MustParseAddrPort("203.0.113.9:5080")
)

const (
	banPeriod    = 12 * time.Second
	mostSources  = 16_384
	shieldConfig = `
web: {listen: ["127.0.0.1:8443"]}
admin: {listen: "127.0.0.1:9080"}
realms:
  access: {media: {bind: 127.0.0.1, udp: 40000}}
  phones: {listen: ["udp:203.0.113.9:5080"], open: true, domain: phones.test, digest: [MD5, SHA-256], media: {bind: 203.0.113.9, ports: 24000-24999}}
  carrier: {listen: ["udp:203.0.113.9:5060"], media: {bind: 203.0.113.9, ports: 20000-23999, inactivity: off}}
users: {domain: phones.test, local: [{name: "150", password: secret, numbers: ["+4930150"]}]}
trunks:
  near: {realm: carrier, targets: ["sip:203.0.113.77"], codecs: [PCMA]}
  far: {realm: carrier, targets: ["sip:203.0.113.78"], codecs: [PCMA]}
routes: [{from: carrier, to: "*", via: [far]}]
limits: {transcodes: 100}
shield: {period: %s, sources: %d, file: acl.json, allow: ["127.0.0.0/8", 203.0.113.69]}
cdr: {file: "off"}
log: {level: info}
drain: {timeout: 10ms}
`
)

// besieged is a gateway in a network of its own.
type besieged struct {
	*network
	binary string
	cmd    *exec.Cmd
	mu     sync.Mutex
	log    bytes.Buffer
	http   http.Client
}

func (b *besieged) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

// lines are those of the log that have all the words.
func (b *besieged) lines(words ...string) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for line := range strings.Lines(b.log.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// says waits for a line of the log that has all the words: lines of a kind may be held back for a second.
func (b *besieged) says(words ...string) bool {
	for range 30 {
		if len(b.lines(words...)) > 0 {
			return true
		}
		<-time.After(100 * time.Millisecond)
	}
	return false
}

func besiege(binary, dir string) (*besieged, error) {
	n, err := openNetwork()
	if err != nil {
		return nil, err
	}
	b := &besieged{network: n, binary: binary}
	b.http.Transport = &http.Transport{DialContext: b.dial, DisableKeepAlives: true}
	file := filepath.Join(dir, "drawbridge.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, shieldConfig, banPeriod, mostSources), 0o600); err != nil {
		n.close()
		return nil, err
	}
	b.cmd = exec.Command("ip", "netns", "exec", n.inside, binary, "serve", "--config", file)
	b.cmd.Stdout, b.cmd.Stderr = b, b
	if err := b.cmd.Start(); err != nil {
		n.close()
		return nil, err
	}
	for start := time.Now(); ; <-time.After(50 * time.Millisecond) {
		if _, err = b.get("/readyz"); err == nil {
			return b, nil
		}
		if time.Since(start) > 20*time.Second {
			return nil, errors.Join(err, b.close(), errors.New(b.log.String()))
		}
	}
}

func (b *besieged) close() error {
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	err := b.cmd.Wait()
	b.network.close()
	return err
}

func (b *besieged) dial(ctx context.Context, network, addr string) (c net.Conn, err error) {
	err = within(b.inside, func() error {
		c, err = new(net.Dialer).DialContext(ctx, network, addr)
		return err
	})
	return c, err
}

func (b *besieged) get(path string) (string, error) {
	resp, err := b.http.Get("http://127.0.0.1:9080" + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// metric is the sum of a metric's values.
func (b *besieged) metric(name string) (sum float64) {
	text, err := b.get("/metrics")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.ContainsAny(rest[:1], " {") {
			v, err := strconv.ParseFloat(line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:len(line)-1], 64)
			if err == nil {
				sum += v
			}
		}
	}
	return sum
}

// rss is the gateway's memory in bytes.
func (b *besieged) rss() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", b.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// acl runs the sub-command beside the gateway.
func (b *besieged) acl(args ...string) (string, error) {
	out, err := exec.Command("ip", append([]string{"netns", "exec", b.inside, b.binary, "acl"}, args...)...).CombinedOutput()
	return string(out), err
}

// shieldUp is the part: what floods and scans do to the gateway, and what they learn.
func shieldUp(ctx context.Context, r *report, binary, dir string) (err error) {
	b, err := besiege(binary, dir)
	if err != nil {
		r.skip("floods and scans", err)
		return nil
	}
	defer func() { err = errors.Join(err, b.close()) }()
	l, err := newLegal(b.network, trunkSide)
	if err != nil {
		return err
	}
	defer l.close()
	if err := floods(ctx, r, b, l); err != nil {
		return err
	}
	if err := scans(ctx, r, b, dir); err != nil {
		return err
	}
	return byHand(r, b, dir)
}

// byHand changes the lists as an operator does.
func byHand(r *report, b *besieged, dir string) error {
	out, err := b.acl("add", "203.0.113.64/30", "--ttl", "1h", "--reason", "drill")
	r.check("acl add", err == nil, "%v%s", orNothing(err), out)
	heard, err := b.ask("203.0.113.65", "OPTIONS", "phone", 1)
	r.check("what is denied by hand hears nothing", err == nil && heard == 0, "%d answers", heard)
	list, err := b.acl("list")
	r.check("acl list shows it", err == nil && strings.Contains(list, "203.0.113.64/30") && strings.Contains(list, "drill"), "%d lines", strings.Count(list, "\n"))
	out, err = b.acl("add", "203.0.113.77")
	r.check("a trunk is not denied without --force", err != nil && strings.Contains(out, "trunk"), "%s", strings.TrimSpace(out))
	out, err = b.acl("add", "0.0.0.0/0")
	r.check("nor is everybody", err != nil, "%s", strings.TrimSpace(out))
	var text []byte
	for start := time.Now(); !strings.Contains(string(text), "203.0.113.64/30") && time.Since(start) < 10*time.Second; {
		<-time.After(100 * time.Millisecond) // the file is written once a second
		text, err = os.ReadFile(filepath.Join(dir, "acl.json"))
	}
	r.check("the list is on disk", err == nil && strings.Contains(string(text), "203.0.113.64/30"), "%d bytes", len(text))
	_, err = b.acl("remove", "203.0.113.64/30")
	heard, err2 := b.ask("203.0.113.65", "OPTIONS", "phone", 1)
	r.check("acl remove", err == nil && err2 == nil && heard == 1, "%d answers", heard)
	return nil
}
