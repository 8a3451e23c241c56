package tests

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// TestSIGTERMDrains: a running call goes on, new ones are refused, and at the deadline the running one is hung up.
func TestSIGTERMDrains(t *testing.T) {
	b := newBesieged(t)
	if err := b.gw.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refused := phone.Start(t, phone.Scenario{Name: "uac_refused", Target: b.gw.SIP, Number: accountOf("jssip").Number})
	refused.Wait(t)
	expectStatus(t, refused, 503)
	if !strings.Contains(refused.Received(), "\r\nRetry-After: ") {
		t.Error("the 503 has no Retry-After")
	}
	b.call.unhurt(t)
	b.call.run.Wait(t) // the gateway's BYE
	select {
	case <-b.gw.Done():
	case <-time.After(eventSeen):
		t.Fatal("the gateway does not end")
	}
	if err := b.gw.Stop(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	var drained int
	for _, c := range b.gw.CDRs(t) {
		if c.Answer != nil && c.Cause.By == "gateway" && c.Cause.Q850 == 41 {
			drained++
		}
	}
	if drained != 1 {
		t.Errorf("%d call records say that the gateway stopped, want 1: %+v", drained, b.gw.CDRs(t))
	}
}

const sixMistakes = `web: {listen: ["127.0.0.1:99999"]}
realms:
  access: {media: {bind: 127.0.0.1, udp: 40000}}
  carrier: {listen: ["sctp:127.0.0.1:5060"], media: {bind: 127.0.0.1, ports: 30000-20000}}
trunks:
  acme: {realm: nowhere, targets: ["sip:127.0.0.2"], codecs: [PCMA]}
routes:
  - {from: access, to: "+49*", via: [nobody]}
drain: {timeout: soon}
`

// TestCheckTellsEveryMistakeAtOnce runs `drawbridge check`.
func TestCheckTellsEveryMistakeAtOnce(t *testing.T) {
	binary, err := gateway.Binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "six.yaml")
	if err := os.WriteFile(file, []byte(sixMistakes), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary, "check", file).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("check ended with %v, want exit status 1", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 6 {
		t.Errorf("%d lines for six mistakes:\n%s", len(lines), out)
	}
	where := regexp.MustCompile(`^` + regexp.QuoteMeta(file) + `:\d+:\d+: \S`)
	for _, l := range lines {
		if !where.MatchString(l) {
			t.Errorf("no file:line:col: %q", l)
		}
	}
}
