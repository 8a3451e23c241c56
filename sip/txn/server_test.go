package txn

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

var serverStates = map[serverState]string{
	serverTrying: "trying", serverProceeding: "proceeding", serverAccepted: "accepted", serverCompleted: "completed",
	serverConfirmed: "confirmed", serverTerminated: "terminated",
}

// TestServerMachine is state x event -> state, messages sent, what the user hears.
func TestServerMachine(t *testing.T) {
	for _, row := range []struct {
		method   wire.Method
		reliable bool
		reach    string // events that lead to the state
		event    string
		state    string
		sent     string
		heard    string
	}{
		{wire.INVITE, false, "", "again", "trying", "", ""},
		{wire.INVITE, false, "", "retry", "proceeding", "100", ""},
		{wire.INVITE, false, "", "180", "proceeding", "180", ""},
		{wire.INVITE, false, "", "ACK", "trying", "", ""},
		{wire.INVITE, false, "", "CANCEL", "trying", "200", "cancel"},
		{wire.INVITE, false, "CANCEL", "CANCEL", "trying", "200", ""},
		{wire.INVITE, false, "180", "again", "proceeding", "180", ""},
		{wire.INVITE, false, "180 183", "again", "proceeding", "183", ""},
		{wire.INVITE, false, "180", "CANCEL", "proceeding", "200", "cancel"},
		{wire.INVITE, false, "180", "200", "accepted", "200", ""},
		{wire.INVITE, false, "180", "486", "completed", "486", ""},
		{wire.INVITE, false, "180", "408", "completed", "408", ""},
		{wire.INVITE, false, "200", "again", "accepted", "", ""},
		{wire.INVITE, false, "200", "200", "accepted", "200", ""},
		{wire.INVITE, false, "200", "487", "accepted", "", ""},
		{wire.INVITE, false, "200", "180", "accepted", "", ""},
		{wire.INVITE, false, "200", "ACK", "accepted", "", "stray ACK"},
		{wire.INVITE, false, "200", "CANCEL", "accepted", "200", ""},
		{wire.INVITE, false, "200", "life", "terminated", "", ""},
		{wire.INVITE, true, "200", "again", "accepted", "", ""},
		{wire.INVITE, false, "486", "again", "completed", "486", ""},
		{wire.INVITE, false, "486", "retry", "completed", "486", ""},
		{wire.INVITE, false, "486", "200", "completed", "", ""},
		{wire.INVITE, false, "486", "CANCEL", "completed", "200", ""},
		{wire.INVITE, false, "486", "ACK", "confirmed", "", ""},
		{wire.INVITE, false, "486", "life", "terminated", "", "unacked"},
		{wire.INVITE, false, "486 ACK", "ACK", "confirmed", "", ""},
		{wire.INVITE, false, "486 ACK", "again", "confirmed", "", ""},
		{wire.INVITE, false, "486 ACK", "life", "terminated", "", ""},
		{wire.INVITE, true, "486", "ACK", "terminated", "", ""},
		{wire.INVITE, true, "486", "life", "terminated", "", "unacked"},
		{wire.INVITE, true, "180", "lost", "terminated", "", "flow lost"},
		{wire.INVITE, true, "486", "lost", "terminated", "", "flow lost"},

		{wire.OPTIONS, false, "", "again", "trying", "", ""},
		{wire.OPTIONS, false, "", "life", "terminated", "", ""},
		{wire.OPTIONS, false, "", "408", "terminated", "", ""},
		{wire.OPTIONS, false, "", "100", "proceeding", "100", ""},
		{wire.OPTIONS, false, "100", "again", "proceeding", "100", ""},
		{wire.OPTIONS, false, "100", "200", "completed", "200", ""},
		{wire.OPTIONS, false, "200", "again", "completed", "200", ""},
		{wire.OPTIONS, false, "200", "500", "completed", "", ""},
		{wire.OPTIONS, false, "200", "life", "terminated", "", ""},
		{wire.OPTIONS, true, "", "200", "terminated", "200", ""},
		{wire.OPTIONS, true, "", "lost", "terminated", "", "flow lost"},
	} {
		name := strings.Join([]string{string(row.method), map[bool]string{true: "reliable"}[row.reliable], row.reach, row.event}, "/")
		t.Run(name, func(t *testing.T) {
			d := newServerDrive(t, row.method, row.reliable)
			for _, e := range strings.Fields(row.reach) {
				d.do(e)
			}
			d.flow.take()
			d.b.user.take()
			d.do(row.event)
			if d.tx.buried && d.b.over(d.tx.key) {
				d.tx.state = serverTerminated
			}
			if got := serverStates[d.tx.state]; got != row.state {
				t.Errorf("state %s, want %s", got, row.state)
			}
			if diff := cmp.Diff(row.sent, strings.Join(d.flow.take(), " ")); diff != "" {
				t.Errorf("sent: %s", diff)
			}
			if diff := cmp.Diff(row.heard, strings.Join(d.b.user.take(), " ")); diff != "" {
				t.Errorf("heard: %s", diff)
			}
			if d.tx.state == serverTerminated {
				d.b.left(t)
			}
		})
	}
}

// serverDrive leads one server transaction through events by name.
type serverDrive struct {
	b    *bench
	flow *fakeFlow
	tx   *Server
	req  *wire.Message
}

func newServerDrive(t *testing.T, method wire.Method, reliable bool) *serverDrive {
	d := &serverDrive{b: newBench(t), flow: newFakeFlow("198.51.100.1:5060", reliable)}
	d.req = request(method, "z9hG4bKx", "")
	d.b.receive(d.flow, d.req)
	d.tx = d.b.server()
	if diff := cmp.Diff([]string{string(method)}, d.b.user.take()); diff != "" {
		t.Fatal(diff)
	}
	return d
}

func (d *serverDrive) do(event string) {
	switch event {
	case "again":
		d.b.receive(d.flow, d.req)
	case "ACK":
		d.b.receive(d.flow, request(wire.ACK, "z9hG4bKx", "totag"))
	case "CANCEL":
		d.b.receive(d.flow, request(wire.CANCEL, "z9hG4bKx", ""))
	case "other":
		d.b.receive(d.flow, request(d.req.Method, "z9hG4bKother", ""))
	case "settle":
		d.tx.Settle()
	case "retry":
		d.tx.expire(retry)
	case "life":
		if d.tx.buried {
			d.b.elapse(TimerJ + dayLength)
			return
		}
		d.tx.expire(life)
	case "lost":
		d.b.core.FlowLost(d.flow, nil)
		for _, it := range d.b.sh.box.take(nil) {
			d.b.sh.handle(&it)
		}
	default:
		status := int(event[0]-'0')*100 + int(event[1]-'0')*10 + int(event[2]-'0')
		_ = d.tx.Respond(wire.NewResponse(d.req, status, "", "totag"))
	}
}

func TestRespondErrors(t *testing.T) {
	d := newServerDrive(t, wire.INVITE, false)
	d.do("486")
	if err := d.tx.Respond(wire.NewResponse(d.req, 200, "", "x")); !errors.Is(err, ErrFinalSent) {
		t.Errorf("second final: %v", err)
	}
	d.do("life")
	if err := d.tx.Respond(wire.NewResponse(d.req, 200, "", "x")); !errors.Is(err, ErrTerminated) {
		t.Errorf("after the end: %v", err)
	}
	if err := d.tx.Resend(); !errors.Is(err, ErrTerminated) {
		t.Errorf("resend after the end: %v", err)
	}
}

func TestCancelAnswer(t *testing.T) {
	t.Run("same To tag as the INVITE's responses", func(t *testing.T) {
		d := newServerDrive(t, wire.INVITE, false)
		d.do("180")
		d.flow.sent = nil
		d.do("CANCEL")
		if got := d.flow.sent[0].ToTag(); got != "totag" {
			t.Errorf("To tag %q", got)
		}
	})
	t.Run("before any response, a tag the INVITE's can have", func(t *testing.T) {
		d := newServerDrive(t, wire.INVITE, false)
		d.do("CANCEL")
		if got := d.flow.sent[0].ToTag(); got == "" || got != d.tx.Tag() {
			t.Errorf("To tag %q, transaction's %q", got, d.tx.Tag())
		}
	})
	t.Run("no transaction", func(t *testing.T) {
		b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
		b.receive(f, request(wire.CANCEL, "z9hG4bKx", ""))
		if diff := cmp.Diff([]string{"481"}, f.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestForgedFromElsewhere: CANCEL and ACK match branch and source.
func TestForgedFromElsewhere(t *testing.T) {
	for _, source := range []string{"203.0.113.66:5060", "198.51.100.1:5061"} {
		d := newServerDrive(t, wire.INVITE, false)
		other := newFakeFlow(source, false)
		d.b.receive(other, request(wire.CANCEL, "z9hG4bKx", ""))
		if diff := cmp.Diff([]string{"481"}, other.take()); diff != "" || d.tx.cancelled {
			t.Errorf("%s: CANCEL: %s", source, diff)
		}
		d.b.receive(other, request(wire.INVITE, "z9hG4bKx", ""))
		if got := other.take(); len(got) != 0 {
			t.Errorf("%s: a copied INVITE was answered %v", source, got)
		}
		d.do("486")
		d.b.receive(other, request(wire.ACK, "z9hG4bKx", "totag"))
		if d.tx.state != serverCompleted {
			t.Errorf("%s: ACK taken", source)
		}
		d.do("ACK")
		if d.tx.state != serverConfirmed {
			t.Errorf("%s: the real ACK was not taken", source)
		}
	}
}

func TestMergedRequest(t *testing.T) {
	d := newServerDrive(t, wire.INVITE, false)
	d.b.receive(d.flow, request(wire.INVITE, "z9hG4bKother", ""))
	if diff := cmp.Diff([]string{"482"}, d.flow.take()); diff != "" {
		t.Error(diff)
	}
	next := request(wire.INVITE, "z9hG4bKauth", "")
	next.CSeq.Seq = 2
	d.b.receive(d.flow, next)
	if diff := cmp.Diff([]string{"INVITE"}, d.b.user.take()); diff != "" {
		t.Errorf("the same call with the next CSeq: %s", diff)
	}
}

// TestLegacyBranch: without the magic cookie RFC 2543's fields match, and two calls with one branch stay apart.
func TestLegacyBranch(t *testing.T) {
	for _, branch := range []string{"", "1"} {
		b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
		make2543 := func(method wire.Method, call string) *wire.Message {
			m := request(method, branch, "")
			if branch == "" {
				m.Via[0].Params = nil
			}
			m.CallID = call
			return m
		}
		b.receive(f, make2543(wire.INVITE, "one"))
		b.receive(f, make2543(wire.INVITE, "two"))
		b.receive(f, make2543(wire.INVITE, "one"))
		b.receive(f, make2543(wire.CANCEL, "one"))
		if diff := cmp.Diff([]string{"INVITE", "INVITE", "cancel"}, b.user.take()); diff != "" {
			t.Errorf("branch %q: %s", branch, diff)
		}
	}
}

func TestAcksThatMatchNothing(t *testing.T) {
	b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
	b.receive(f, request(wire.ACK, "z9hG4bKx", ""))
	if got := b.user.take(); len(got) != 0 {
		t.Errorf("without To tag: %v", got)
	}
	b.receive(f, request(wire.ACK, "z9hG4bKx", "dialog"))
	if diff := cmp.Diff([]string{"stray ACK"}, b.user.take()); diff != "" {
		t.Error(diff)
	}
	if got := f.take(); len(got) != 0 {
		t.Errorf("an ACK was answered %v", got)
	}
}

// TestDismissCostsNoMemory: a request that is dismissed leaves nothing behind, and neither its copies nor its ACK do.
func TestDismissCostsNoMemory(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		for _, method := range []wire.Method{wire.INVITE, wire.REGISTER} {
			t.Run(fmt.Sprint(method, " reliable ", reliable), func(t *testing.T) {
				b, f := newBench(t), newFakeFlow("198.51.100.1:5060", reliable)
				req := request(method, "z9hG4bKx", "")
				var tags []string
				for range 2 { // the copy is as good as the first
					b.receive(f, req)
					b.server().Dismiss(req, 407, wire.Field{Name: "Proxy-Authenticate", Value: `Digest realm="a", nonce="n"`})
					b.left(t)
					tags = append(tags, f.sent[0].ToTag())
					if diff := cmp.Diff([]string{"407"}, f.take()); diff != "" {
						t.Errorf("sent: %s", diff)
					}
				}
				if tags[0] == "" || tags[0] != tags[1] {
					t.Errorf("tags %q, want the same one twice", tags)
				}
				b.user.take()
				if method == wire.INVITE {
					ack := request(wire.ACK, "z9hG4bKx", tags[0])
					ack.CSeq.Method = wire.ACK
					b.receive(f, ack)
				}
				if diff := cmp.Diff([]string{}, b.user.take()); diff != "" {
					t.Errorf("heard: %s", diff)
				}
				b.left(t)
			})
		}
	}
}

// TestDismissComesTooLate: a transaction with its final response keeps it.
func TestDismissComesTooLate(t *testing.T) {
	d := newServerDrive(t, wire.INVITE, false)
	d.do("486")
	d.flow.take()
	d.tx.Dismiss(d.req, 407)
	if sent := d.flow.take(); len(sent) > 0 || d.tx.state != serverCompleted {
		t.Errorf("sent %v in state %s", sent, serverStates[d.tx.state])
	}
}

// A 2xx that is acknowledged is not sent again, and not kept.
func TestSettle(t *testing.T) {
	d := newServerDrive(t, wire.INVITE, false)
	d.do("180")
	d.tx.Settle() // too early: it means nothing
	d.flow.take()
	d.do("again")
	d.do("200")
	if err := d.tx.Resend(); err != nil {
		t.Error(err)
	}
	d.tx.Settle()
	if err := d.tx.Resend(); !errors.Is(err, ErrTerminated) {
		t.Errorf("resent: %v", err)
	}
	d.do("again")
	if diff := cmp.Diff("180 200 200", strings.Join(d.flow.take(), " ")); diff != "" {
		t.Error(diff)
	}
}
