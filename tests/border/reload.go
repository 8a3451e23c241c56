package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"drawbridge/tests/gateway"
)

// What is asked of a gateway that is reconfigured.
const (
	reloadsDue   = 100
	reloadEvery  = 200 * time.Millisecond
	callEvery    = time.Second / 50
	callLength   = 2 * time.Second
	heldCalls    = 20
	noConfigFile = 0
)

const unchanged = "as at first"

var errNoChange = errors.New("the file is as it was")

// change makes another file of the first one. codecs are what far is offered by it.
type change struct {
	what   string
	edit   func(string) string
	codecs string
	broken bool
}

// changes take turns. None of them touches what the calls need that go on all the time.
func changes() []change {
	const all, one = "PCMA,PCMU", "PCMA"
	swap := func(old, text string) func(string) string {
		return func(file string) string { return strings.Replace(file, old, text, 1) }
	}
	onlyPCMA := func(file string) string {
		before, far, _ := strings.Cut(file, "  far: ")
		return before + "  far: " + strings.Replace(far, "codecs: [PCMA, PCMU]", "codecs: [PCMA], dtmf: info", 1)
	}
	return []change{
		{"a trunk more, with OPTIONS", swap("trunks:", "trunks:\n  more: {realm: carrier, targets: [\"sip:127.0.2.1:5999\"], health: {options: 10s}}"), all, false},
		{"another codec list and DTMF of far", onlyPCMA, one, false},
		{"a realm more, with listeners", swap("realms:", "realms:\n  office:\n    listen: [\"udp:127.0.3.1:5080\", \"tcp:127.0.3.1:5080\"]\n    open: true\n    media: {ports: 0-0, allow_loopback: true}"), all, false},
		{"without the trunk of held calls", withoutLine("  held:"), all, false},
		{"a broken file", swap("routes:", "routes: ["), all, true},
		{"limits, fraud and shield", swap("limits: {", "fraud: [{name: f, critical: {per_minute: 100000}}]\nshield: {deny: [198.51.100.0/24]}\nlimits: {cps: 500, "), all, false},
		{"another password", swap("wonderland", "looking-glass"), all, false},
		{"a key that needs a restart", swap("domain: access.test\n  local", "domain: other.test\n  local"), all, true},
		{"a route and a group more", swap("routes:", "groups: {pool: [{trunk: far}]}\nroutes:\n  - {from: carrier, to: \"+888*\", via: [pool]}"), all, false},
		{unchanged, func(file string) string { return file }, all, false},
	}
}

func withoutLine(prefix string) func(string) string {
	return func(file string) string {
		lines := strings.Split(file, "\n")
		return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, prefix) || strings.Contains(l, "via: [held]")
		}), "\n")
	}
}

// reloadUnderCalls reloads a hundred times while calls come and go, and others last through all of it.
func reloadUnderCalls(ctx context.Context, r *report, binary, dir string) (err error) {
	agents := map[string]*agent{}
	for _, name := range []string{"near", "far", "held"} {
		a, err := newAgent()
		if err != nil {
			return err
		}
		defer a.close()
		agents[name] = a
	}
	near, far, held := agents["near"], agents["far"], agents["held"]
	gw, err := gateway.Launch(binary, dir, gateway.Config{
		Trunks: []gateway.Trunk{{Name: "near", Target: near.addr}, {Name: "far", Target: far.addr}, {Name: "held", Target: held.addr}},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "far"}, {From: "carrier", To: "+4980*", Via: "held"}},
		Ports:  600,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gw.Stop()) }()
	for _, a := range agents {
		a.answers = true
		a.serve(gw.SIP)
	}
	for i := range heldCalls {
		near.call("+4980" + strconv.Itoa(i))
	}
	up := gateway.Within(10*time.Second, func() bool { return near.statuses("+4980")[200] == heldCalls })
	r.check("calls that last through all of it", up, "%v", near.statuses("+4980"))

	socket, sockets := socketAt(gw), 0
	s := &reloading{gw: gw, file: filepath.Join(dir, "drawbridge.yaml"), codecs: map[int]string{1: "PCMA,PCMU"}, changes: changes()}
	placing, stop := context.WithCancel(ctx)
	placed := make(chan int)
	go func() { placed <- near.steadily(placing) }()
	begin := time.Now()
	err = s.run(ctx)
	took := time.Since(begin)
	if socketAt(gw) == socket && socket != "" {
		sockets = 1
	}
	<-time.After(callLength)
	stop()
	n := <-placed
	if err != nil {
		return err
	}
	r.check("100 reloads: taken, or refused with a reason", s.wrong == "" && s.taken+s.refused == reloadsDue, "taken %d, refused %d in %s %s", s.taken, s.refused, took.Round(time.Millisecond), s.wrong)
	r.check("a listener that stays is the same socket", sockets == 1, "%s", socket)
	said, status := s.command(ctx, binary, "via: [far]", "via: [fare]")
	r.check("drawbridge reload: a broken file", status == 1 && strings.Contains(said, `there is no trunk "fare"`), "exit %d: %s", status, said)
	said, status = s.command(ctx, binary, "", "")
	r.check("drawbridge reload: a good one", status == 0, "exit %d: %s", status, said)
	r.check("SIGHUP is a reload, too", s.hangUp(), "configuration %d", s.number)
	r.check("a trunk that has gone is heard in its calls", s.parted(ctx, held), "%d of %d have hung up themselves", s.by("b"), heldCalls)
	near.hangUp()
	return s.judge(ctx, r, near, far, n)
}

// reloading is the series.
type reloading struct {
	gw      *gateway.Gateway
	file    string
	changes []change
	codecs  map[int]string // by configuration: what far is offered

	number, taken, refused int
	wrong                  string
}

func (s *reloading) run(ctx context.Context) error {
	first, err := os.ReadFile(s.file)
	if err != nil {
		return err
	}
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for i := range reloadsDue {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		c := s.changes[i%len(s.changes)]
		next := c.edit(string(first))
		if next == string(first) && c.what != unchanged {
			return fmt.Errorf("%w: %s", errNoChange, c.what)
		}
		if err := os.WriteFile(s.file, []byte(next), 0o600); err != nil {
			return err
		}
		status, body, err := s.post(ctx)
		if err != nil {
			return err
		}
		var v struct{ Number int }
		switch {
		case c.broken && status == http.StatusUnprocessableEntity && len(body) > 20:
			s.refused++
		case !c.broken && status == http.StatusOK && json.Unmarshal(body, &v) == nil:
			s.taken++
			s.number = v.Number
			s.codecs[v.Number] = c.codecs
		default:
			s.wrong = fmt.Sprintf("%s: %d %s", c.what, status, bytes.TrimSpace(body))
		}
	}
	return os.WriteFile(s.file, first, 0o600)
}

func (s *reloading) post(ctx context.Context) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.gw.Admin.String()+"/v1/reload", nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// command changes the file, says drawbridge reload, and takes the change back.
func (s *reloading) command(ctx context.Context, binary, old, text string) (said string, status int) {
	first, err := os.ReadFile(s.file)
	if err != nil {
		return err.Error(), -1
	}
	if err := os.WriteFile(s.file, bytes.Replace(first, []byte(old), []byte(text), 1), 0o600); err != nil {
		return err.Error(), -1
	}
	cmd := exec.CommandContext(ctx, binary, "reload", "--admin", s.gw.Admin.String())
	out, _ := cmd.CombinedOutput() // the exit status says it
	if err := os.WriteFile(s.file, first, 0o600); err != nil {
		return err.Error(), -1
	}
	return string(bytes.TrimSpace(out)), cmd.ProcessState.ExitCode()
}

// parted takes the trunk of the held calls out of the configuration and lets it hang up.
func (s *reloading) parted(ctx context.Context, held *agent) bool {
	first, err := os.ReadFile(s.file)
	if err != nil || os.WriteFile(s.file, []byte(withoutLine("  held:")(string(first))), 0o600) != nil {
		return false
	}
	if status, _, err := s.post(ctx); err != nil || status != http.StatusOK {
		return false
	}
	held.leave("+4980")
	return gateway.Within(10*time.Second, func() bool { return s.by("b") == heldCalls })
}

// by counts the calls that a side has ended.
func (s *reloading) by(side string) (n int) {
	for _, c := range s.records() {
		if c.Cause.By == side {
			n++
		}
	}
	return n
}

// hangUp reloads by signal, a hundred at once, and waits until that has been done.
func (s *reloading) hangUp() bool {
	m, err := s.gw.ReadMetrics()
	if err != nil {
		return false
	}
	before := int(m.Sum("drawbridge_config_version"))
	for range 100 {
		_ = s.gw.Signal(syscall.SIGHUP) // it shows in the metrics
	}
	return gateway.Within(10*time.Second, func() bool {
		m, err := s.gw.ReadMetrics()
		s.number = int(m.Sum("drawbridge_config_version"))
		return err == nil && s.number > before && m.Sum("drawbridge_config_reload_ok") == 1
	})
}

// judge compares what the calls were with what they began with.
func (s *reloading) judge(_ context.Context, r *report, near, far *agent, placed int) error {
	all := placed + heldCalls
	var records []reloadRecord
	gateway.Within(20*time.Second, func() bool {
		records = s.records()
		return len(records) >= all
	})
	by := near.statuses("+49")
	r.check("no call fails", by[200] == all && len(by) == 1, "%d calls, %v", all, by)
	bad, changed, configs, sample := 0, 0, map[int]int{}, ""
	for _, c := range records {
		configs[c.Config.Number]++
		by := "a"
		if strings.HasPrefix(c.To, "+4980") {
			by = "b"
		}
		if c.Answer == nil || c.Cause.SIP != 0 || c.Cause.By != by {
			bad++
			sample = fmt.Sprintf("%+v", c)
		}
		offered, known := far.offered(c.B.CallID), strings.HasPrefix(c.To, "+4970")
		if known && offered != s.codecs[c.Config.Number] || c.Config.Number == noConfigFile || c.B.Codec != "PCMA" {
			changed++
			sample = fmt.Sprintf("%+v offered %s, configured %s", c, offered, s.codecs[c.Config.Number])
		}
	}
	r.check("every call ends as its caller ends it", bad == 0 && len(records) == all, "%d records, %d otherwise %s", len(records), bad, sample)
	r.check("every call is what it began with", changed == 0 && len(configs) > reloadsDue/2, "%d changed, %d configurations in the records %s", changed, len(configs), sample)
	m, err := s.gw.ReadMetrics()
	if err != nil {
		return err
	}
	left := m.Sum("drawbridge_calls_admitted") + m.Sum("drawbridge_media_sessions") + m.Sum("drawbridge_limits_miscounted_total") + m.Sum("drawbridge_panics_total")
	r.check("nothing is left", left == 0, "calls, sessions, places below zero, panics: %v", left)
	return nil
}

// reloadRecord is what is looked at of a call record.
type reloadRecord struct {
	To     string
	Answer *time.Time
	Cause  gateway.Cause
	Config struct{ Number int }
	B      struct{ CallID, Codec string }
}

func (s *reloading) records() (out []reloadRecord) {
	raw, _ := os.ReadFile(s.gw.CDRFile()) // not there yet: none
	for line := range bytes.Lines(raw) {
		var c reloadRecord
		if json.Unmarshal(line, &c) == nil {
			out = append(out, c)
		}
	}
	return out
}

// steadily places calls until ctx ends, and ends each when it has lasted.
func (a *agent) steadily(ctx context.Context) (placed int) {
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			<-time.After(callLength + time.Second)
			return placed
		case <-tick.C:
		}
		id := a.call("+4970" + strconv.Itoa(placed))
		placed++
		time.AfterFunc(callLength, func() { a.hangUpOne(id) })
	}
}

// offered are the codecs that a call was offered here by, as configured.
func (a *agent) offered(callID string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.got[callID]
	if c == nil {
		return ""
	}
	var names []string
	_, body, _ := strings.Cut(c.invite, "\r\n\r\n")
	for line := range strings.SplitSeq(body, "\r\n") {
		if m, ok := strings.CutPrefix(line, "m=audio "); ok {
			for _, pt := range strings.Fields(m)[2:] {
				switch pt {
				case "8":
					names = append(names, "PCMA")
				case "0":
					names = append(names, "PCMU")
				}
			}
		}
	}
	return strings.Join(names, ",")
}

// socketAt names the gateway's UDP socket as the kernel does: one that is opened again has another inode.
func socketAt(gw *gateway.Gateway) string {
	table, _ := os.ReadFile("/proc/thread-self/net/udp") // "" is none
	at := gw.SIP.Addr().As4()
	key := fmt.Sprintf("%02X%02X%02X%02X:%04X", at[3], at[2], at[1], at[0], gw.SIP.Port())
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 9 && f[1] == key {
			return "inode " + f[9]
		}
	}
	return ""
}
