package txn

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// TestAnsweredOnce: each request's final answer is told once, whichever way it is given, and 2xx that come again are none.
func TestAnsweredOnce(t *testing.T) {
	b := newBench(t)
	var told []string
	b.core.cfg.Answered = func(f Flow, method wire.Method, status int) {
		told = append(told, fmt.Sprint(f.Remote().Addr(), " ", method, " ", status))
	}
	f := newFakeFlow("198.51.100.1:5060", false)
	invite := request(wire.INVITE, "z9hG4bKa", "")
	b.receive(f, invite)
	tx := b.server()
	for _, status := range []int{180, 200, 200} {
		if err := tx.Respond(wire.NewResponse(invite, status, "", "tag")); err != nil {
			t.Fatal(err)
		}
	}
	tx.Dismiss(invite, 407) // too late
	tx.terminate()
	register := request(wire.REGISTER, "z9hG4bKb", "")
	b.receive(f, register)
	b.server().Dismiss(register, 401)
	want := []string{"198.51.100.1 INVITE 200", "198.51.100.1 REGISTER 401"}
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
}

// TestIgnoredRequests leave nothing behind; those inside a dialog are nobody's to ignore.
func TestIgnoredRequests(t *testing.T) {
	b := newBench(t)
	b.core.cfg.Ignore = func(_ Flow, m *wire.Message) bool { return m.Get("User-Agent") == "friendly-scanner" }
	f := newFakeFlow("198.51.100.1:5060", false)
	for _, tc := range []struct {
		agent, tag string
		heard      int
	}{{"friendly-scanner", "", 0}, {"phone", "", 1}, {"friendly-scanner", "theirs", 1}} {
		m := request(wire.OPTIONS, "z9hG4bK"+tc.agent+tc.tag, tc.tag)
		m.Add("User-Agent", tc.agent)
		b.receive(f, m)
		if got := b.user.take(); len(got) != tc.heard {
			t.Errorf("%+v: the user heard %q", tc, got)
		}
		if len(f.take()) != 0 {
			t.Errorf("%+v: answered", tc)
		}
	}
}
