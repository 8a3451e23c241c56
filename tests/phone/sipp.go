package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
)

// Scenario is what one SIPp does.
type Scenario struct {
	Name   string            // file of tests/sipp without its ending
	Text   string            // the scenario itself, instead of the file
	Addr   netip.Addr        // local address; zero means gateway.PhoneAddr
	Port   int               // local SIP port; 0 picks one
	Over   string            // SIPp's word for the transport: "u1", one UDP socket, by default; "t1", one connection; "tn", one for each call
	Target netip.AddrPort    // the gateway, for scenarios that call
	Number string            // dialled
	Caller string            // calling number; "" means +4989222
	Media  *Media            // nil announces a port where nobody listens
	Talk   time.Duration     // length of the scenario's pauses
	Keys   map[string]string // fill @key@ in the scenario
	Reach  string            // address and transport where the phone is reached, [contact] in the scenario; "" means its own
	Lost   int               // of a hundred messages, both ways
	Calls  int               // 0 means 1
	Rate   int               // calls per second; above 0 messages are not logged
	Limit  time.Duration     // 0 means 30 s
}

// Run is a running SIPp.
type Run struct {
	Port int
	Dir  string

	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	output bytes.Buffer
	done   chan struct{}
	err    error
}

const runLimit = 30 * time.Second

// Need ends the test when a tool is missing: with an error in CI, where it must be there, and with a word elsewhere.
func Need(t testing.TB, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
}

// Start runs a scenario. It returns when SIPp has its socket.
func Start(t testing.TB, s Scenario) *Run {
	t.Helper()
	Need(t, "sipp")
	if !s.Addr.IsValid() {
		s.Addr = gateway.PhoneAddr
	}
	if s.Port == 0 {
		s.Port = gateway.FreeUDP(t, s.Addr)
	}
	limit := s.Limit
	if limit == 0 {
		limit = runLimit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	r := &Run{Port: s.Port, Dir: t.TempDir(), name: s.Name, cancel: cancel, done: make(chan struct{})}
	r.cmd = exec.CommandContext(ctx, "sipp", append([]string{"-sf", s.write(t, r.Dir)}, s.arguments(r.Dir)...)...)
	r.cmd.Dir = r.Dir
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	r.cmd.Env = append(os.Environ(), "TERM=dumb")
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.done)
	}()
	t.Cleanup(func() {
		r.cancel()
		<-r.done
	})
	if s.Over == "" || !s.Target.IsValid() { // a caller over TCP connects when it has something to say
		gateway.Eventually(t, 5*time.Second, "SIPp opens its socket", func() bool { return r.Ended() || bound(s.Addr, s.Port, s.Over) })
	}
	return r
}

// write puts the scenario into dir with every @key@ filled in: SIPp itself takes no variable in a status line.
func (s Scenario) write(t testing.TB, dir string) string {
	t.Helper()
	text := []byte(s.Text)
	if s.Text == "" {
		var err error
		if text, err = os.ReadFile(filepath.Join(gateway.Root(), "tests", "sipp", s.Name+".xml")); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range s.Keys {
		text = bytes.ReplaceAll(text, []byte("@"+k+"@"), []byte(v))
	}
	path := filepath.Join(dir, s.Name+".xml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s Scenario) arguments(dir string) []string {
	calls := max(s.Calls, 1)
	args := []string{
		"-i", s.Addr.String(), "-p", strconv.Itoa(s.Port), "-m", strconv.Itoa(calls),
		"-d", strconv.FormatInt(s.Talk.Milliseconds(), 10), "-nostdin", "-nd",
		"-cid_str", "%u-%p.%s", // no @: it can stand in a URI as it is
		"-trace_err", "-error_file", filepath.Join(dir, "errors.log"),
	}
	if s.Over != "" {
		args = append(args, "-t", s.Over, "-max_socket", "4096") // below the usual limit of open files
	}
	if s.Lost > 0 {
		args = append(args, "-lost", strconv.Itoa(s.Lost))
	}
	if s.Rate > 0 {
		args = append(args, "-r", strconv.Itoa(s.Rate), "-l", strconv.Itoa(calls))
	} else {
		args = append(args, "-trace_msg", "-message_file", filepath.Join(dir, "messages.log"))
	}
	port, codec, name := 4000, ptPCMA, "PCMA"
	if s.Media != nil {
		port, codec, name = s.Media.Port(), int(s.Media.pt), s.Media.codec
	}
	caller := s.Caller
	if caller == "" {
		caller = "+4989222"
	}
	keys := map[string]string{
		"rtp_ip": s.Addr.String(), "rtp_port": strconv.Itoa(port), "codec": strconv.Itoa(codec), "codec_name": name, "caller": caller, "contact": s.reach(),
	}
	for k, v := range keys {
		args = append(args, "-key", k, v)
	}
	if s.Number != "" {
		args = append(args, "-s", s.Number)
	}
	if s.Target.IsValid() {
		args = append(args, s.Target.String())
	}
	return args
}

// reach is what a Contact says.
func (s Scenario) reach() string {
	switch {
	case s.Reach != "":
		return s.Reach
	case s.Over != "":
		return netip.AddrPortFrom(s.Addr, uint16(s.Port)).String() + ";transport=tcp"
	}
	return netip.AddrPortFrom(s.Addr, uint16(s.Port)).String()
}

// bound reports whether something has a UDP port, or a TCP port for SIPp's words for TCP. It asks for its own thread: /proc/net is the first
// thread's, which a test may have left in another network namespace.
func bound(at netip.Addr, port int, over string) bool {
	file := "/proc/thread-self/net/udp"
	if over != "" {
		file = "/proc/thread-self/net/tcp"
	}
	table, err := os.ReadFile(file)
	if err != nil {
		return true // no such file, no such check
	}
	a := at.As4()
	return bytes.Contains(table, fmt.Appendf(nil, " %02X%02X%02X%02X:%04X ", a[3], a[2], a[1], a[0], port))
}

// Ended reports whether the scenario is over.
func (r *Run) Ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Wait waits for the end of the scenario and fails the test when a call did not go as written.
func (r *Run) Wait(t testing.TB) {
	t.Helper()
	<-r.done
	if r.err != nil {
		t.Errorf("SIPp %s: %v\n%s\n%s", r.name, r.err, r.errors(), r.conversation())
	}
}

// Stop ends the scenario early, for phones whose call is not going to end by itself.
func (r *Run) Stop() {
	r.cancel()
	<-r.done
}

// Code is SIPp's exit status: 0 when every call went as written. It waits for the end.
func (r *Run) Code() int {
	<-r.done
	if exit, ok := errors.AsType[*exec.ExitError](r.err); ok {
		return exit.ExitCode()
	}
	return 0
}

func (r *Run) errors() string {
	text, err := os.ReadFile(filepath.Join(r.Dir, "errors.log"))
	if err != nil {
		return r.output.String()
	}
	return string(text)
}

// conversation is the first lines of every message, for failure texts.
func (r *Run) conversation() string {
	var b strings.Builder
	for _, m := range r.Messages() {
		line, _, _ := strings.Cut(m.Text, "\r\n")
		way := "  ->"
		if m.In {
			way = "<-  "
		}
		fmt.Fprintln(&b, way, line)
	}
	return b.String()
}
