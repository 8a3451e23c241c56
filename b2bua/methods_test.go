package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/sip/wire"
)

// TestMethodsThatAreNotServed: 501 for a method that nobody knows, 405 for one that is not served where it comes, 481 for one that belongs
// to a dialog there is not. The first two say what is served (RFC 3261 sections 8.2.1, 21.4.6, 21.5.2).
func TestMethodsThatAreNotServed(t *testing.T) {
	for _, row := range []struct {
		method string
		inside bool
		status int
	}{
		{"NEWMETHOD", false, 501}, {"invite", false, 501}, {"NEWMETHOD", true, 501},
		{"REGISTER", false, 405}, {"PUBLISH", true, 405}, {"REGISTER", true, 405},
		{"BYE", false, 481}, {"UPDATE", false, 481}, {"PRACK", false, 481}, {"NOTIFY", false, 481}, {"NOTIFY", true, 481}, {"PRACK", true, 481},
		{"CANCEL", false, 481},
	} {
		name := row.method + " outside a call"
		if row.inside {
			name = row.method + " inside a call"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				defer w.close()
				p := w.peers["U"]
				var m *wire.Message
				if row.inside {
					talkTo(w, p)
					m = p.within(wire.Method(row.method))
				} else {
					m = p.ask(wire.Method(row.method), "100")
				}
				if row.method == "PRACK" {
					m.Add("RAck", "1 1 INVITE")
				}
				p.send(m)
				synctest.Wait()
				got := last(t, p)
				if got.Status != row.status {
					t.Fatalf("answered %d, want %d", got.Status, row.status)
				}
				says := strings.Contains(got.Get("Allow"), "INVITE") && strings.Contains(got.Get("Allow"), "MESSAGE")
				if wants := row.status == 405 || row.status == 501; says != wants {
					t.Errorf("Allow: %q", got.Get("Allow"))
				}
				if row.inside {
					w.peers["T"].deaf = true // its BYE times out
					p.send(p.within(wire.BYE))
				}
			})
		})
	}
}

// talkTo lets p call T, up to the ACK.
func talkTo(w *world, p *peer) {
	t := w.peers["T"]
	m := p.call("100")
	m.ContentType, m.Body = sdpType, p.sdp("", false)
	p.send(m)
	synctest.Wait()
	t.heard(last(w.t, t))
	ok := t.response(200, "INVITE", "")
	ok.ContentType, ok.Body = sdpType, t.sdp("", true)
	t.send(ok)
	synctest.Wait()
	p.heard(last(w.t, p))
	p.send(p.request(wire.ACK, 1))
	synctest.Wait()
	p.took()
}
