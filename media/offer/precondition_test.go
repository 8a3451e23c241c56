package offer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withQoS is a trunk's SDP with the lines of RFC 3312 given.
func withQoS(lines ...string) string {
	return string(answerAt("30010")) + "a=" + strings.Join(lines, "\r\na=") + "\r\n"
}

// qosLines are the lines of RFC 3312 in an SDP of ours.
func qosLines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\r\n") {
		if strings.HasPrefix(line, "a=curr:") || strings.HasPrefix(line, "a=des:") || strings.HasPrefix(line, "a=conf:") {
			out = append(out, line[2:])
		}
	}
	return out
}

func TestPreconditionsAreAnsweredForOurSide(t *testing.T) {
	ready := []string{"curr:qos local sendrecv", "curr:qos remote sendrecv", "des:qos mandatory local sendrecv", "des:qos mandatory remote sendrecv"}
	waiting := func(remote string) []string {
		return []string{ready[0], "curr:qos remote " + remote, ready[2], ready[3], "conf:qos remote sendrecv"}
	}
	rows := []struct {
		name        string
		offer, want []string
		waits       bool
	}{
		{"nothing reserved yet", []string{"curr:qos local none", "curr:qos remote none", "des:qos mandatory local sendrecv", "des:qos none remote sendrecv"}, waiting("none"), true},
		{"half of it", []string{"curr:qos local send", "curr:qos remote none", "des:qos mandatory local sendrecv", "des:qos mandatory remote sendrecv"}, waiting("recv"), true},
		{"all of it", []string{"curr:qos local sendrecv", "curr:qos remote none", "des:qos mandatory local sendrecv"}, ready, false},
		{"end to end", []string{"curr:qos e2e none", "des:qos mandatory e2e sendrecv"}, waiting("none"), true},
		{"wished for, not needed", []string{"curr:qos local none", "des:qos optional local sendrecv"},
			[]string{ready[0], "curr:qos remote none", ready[2], "des:qos none remote sendrecv"}, false},
		{"another kind, and nonsense", []string{"curr:sec local none", "des:qos mandatory local both", "curr:qos", "conf:qos"}, nil, false},
	}
	for _, row := range rows {
		m := newTrunk(t)
		answer, _ := mustAnswer(t, m, withQoS(row.offer...), SendRecv)
		if d := cmp.Diff(row.want, qosLines(answer)); d != "" || m.Waits() != row.waits {
			t.Errorf("%s: waits %t %s", row.name, m.Waits(), d)
		}
	}
}

func TestPreconditionsInOurOffer(t *testing.T) {
	m := New(Config{Codecs: codecNamed(t, "PCMA"), Preconditions: true})
	m.SetLocal(newTrunk(t).local)
	want := []string{"curr:qos local sendrecv", "curr:qos remote none", "des:qos mandatory local sendrecv", "des:qos none remote sendrecv"}
	if d := cmp.Diff(want, qosLines(mustOffer(t, m, SendRecv))); d != "" {
		t.Error(d)
	}
	answer := withQoS("curr:qos local none", "curr:qos remote none", "des:qos mandatory local sendrecv", "conf:qos remote sendrecv")
	if _, err := m.Answered([]byte(answer)); err != nil || !m.Confirms() || !m.Waits() {
		t.Errorf("%v, confirms %t, waits %t", err, m.Confirms(), m.Waits())
	}
	mustOffer(t, m, SendRecv)
	if _, err := m.Answered([]byte(withQoS("curr:qos local sendrecv", "des:qos mandatory local sendrecv"))); err != nil || m.Confirms() || m.Waits() {
		t.Errorf("%v, confirms %t, waits %t", err, m.Confirms(), m.Waits())
	}
}

func TestNoPreconditionsTowardsBrowsers(t *testing.T) {
	m := New(Config{Profile: WebRTC, Codecs: codecNamed(t, "opus"), Preconditions: true})
	m.SetLocal(newBrowser(t).local)
	if lines := qosLines(mustOffer(t, m, SendRecv)); lines != nil {
		t.Error(lines)
	}
}
