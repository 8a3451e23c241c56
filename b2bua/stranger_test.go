package b2bua

import (
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// TestStrangersCostNothing: what anybody may ask for without a password is answered once and forgotten at once. No transaction waits for
// an ACK, nothing is sent again, and there is no call record that a stranger could fill a disk with.
func TestStrangersCostNothing(t *testing.T) {
	for _, row := range []struct {
		name   string
		peer   string
		method wire.Method
		auth   int // what the credentials are worth
		want   int
	}{
		{"challenge", "A", wire.INVITE, 407, 407},
		{"unreadable credentials", "A", wire.INVITE, 400, 400},
		{"no trunk", "X", wire.INVITE, 0, 403},
		{"capabilities", "X", wire.OPTIONS, 0, 200},
		{"no account", "A", wire.MESSAGE, 407, 407},
		{"no trunk's message", "X", wire.MESSAGE, 0, 403},
		{"no trunk's subscription", "X", wire.SUBSCRIBE, 0, 403},
		{"no trunk's state", "X", wire.PUBLISH, 0, 403},
		{"no subscription", "X", wire.NOTIFY, 0, 481},
		{"no dialog", "X", wire.BYE, 0, 481},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) {
					c.Auth = func(txn.Flow, *wire.Message, time.Time) (string, []wire.Field, int) { return "", nil, row.auth }
				})
				defer w.close()
				p := w.peers[row.peer]
				m := p.call("100")
				m.Method, m.CSeq.Method = row.method, row.method
				p.send(m)
				synctest.Wait()
				if s := w.core.Stats(); s.Servers+s.Timers != 0 {
					t.Errorf("%d transactions and %d timers are left", s.Servers, s.Timers)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := p.took(); len(got) != 1 || got[0].Status != row.want {
					t.Errorf("heard %v, want one %d", got, row.want)
				}
				for _, e := range w.events {
					if ended, ok := e.(telemetry.CallEnded); ok {
						t.Errorf("a call record: %+v", ended)
					}
				}
			})
		})
	}
}

// TestWhatIsJudgedIsDialled: routes, accounts and records see the number that the trunk gets, and the trunk gets nothing beside it.
func TestWhatIsJudgedIsDialled(t *testing.T) {
	for to, want := range map[string]string{
		"1-00": "100", "100;npdi;rn=+1900": "100", "100%3Bnpdi": "100", "%31Bob": "1Bob",
		"100%253Bnpdi%253Brn=+1900": "", "%2531": "", "1%40192.0.2.99": "", "1%0D%0AX-Injected:%201": "",
	} {
		t.Run(to, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				defer w.close()
				caller, trunk := w.peers["A"], w.peers["T"]
				m := caller.call(to)
				m.ContentType, m.Body = sdpType, caller.sdp("", false)
				caller.send(m)
				synctest.Wait()
				answers, asked := caller.took(), trunk.took()
				if want == "" {
					if n := len(answers); n == 0 || answers[n-1].Status != 404 || len(asked) != 0 {
						t.Errorf("%d answers, and the trunk has %d messages; want 404 and none", n, len(asked))
					}
					return
				}
				if len(asked) != 1 {
					t.Fatalf("the trunk has %d messages", len(asked))
				}
				if got := asked[0]; got.URI.User != want || got.To.URI.User != want {
					t.Errorf("the trunk is asked for %q and %q, want %q", got.URI.User, got.To.URI.User, want)
				}
				w.core.FlowLost(caller.flow, nil)
			})
		})
	}
}
