package txn

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

var clientStates = map[clientState]string{
	clientCalling: "calling", clientProceeding: "proceeding", clientAccepted: "accepted", clientCompleted: "completed",
	clientTerminated: "terminated",
}

// TestClientMachine is state x event -> state, messages sent, what the user hears.
func TestClientMachine(t *testing.T) {
	for _, row := range []struct {
		method   wire.Method
		reliable bool
		reach    string
		event    string
		state    string
		sent     string
		heard    string
	}{
		{wire.INVITE, false, "", "retry", "calling", "INVITE", ""},
		{wire.INVITE, false, "", "life", "terminated", "", "txn: timeout"},
		{wire.INVITE, false, "", "broken", "terminated", "", "no route"},
		{wire.INVITE, false, "", "100", "proceeding", "", "100"},
		{wire.INVITE, false, "", "180", "proceeding", "", "180"},
		{wire.INVITE, false, "", "200", "accepted", "", "200"},
		{wire.INVITE, false, "", "486", "completed", "ACK", "486"},
		{wire.INVITE, false, "", "cancel", "calling", "", ""},
		{wire.INVITE, false, "cancel", "180", "proceeding", "CANCEL", "180"},
		{wire.INVITE, false, "cancel", "200", "accepted", "", "200"},
		{wire.INVITE, false, "cancel", "486", "completed", "ACK", "486"},
		{wire.INVITE, false, "cancel", "life", "terminated", "", "txn: timeout"},
		{wire.INVITE, false, "180", "183", "proceeding", "", "183"},
		{wire.INVITE, false, "180", "cancel", "proceeding", "CANCEL", ""},
		{wire.INVITE, false, "180 cancel", "cancel", "proceeding", "", ""},
		{wire.INVITE, false, "180 cancel", "180", "proceeding", "", "180"},
		{wire.INVITE, false, "180 cancel", "487", "completed", "ACK", "487"},
		{wire.INVITE, false, "180 cancel", "200", "accepted", "", "200"},
		{wire.INVITE, false, "180 cancel", "life", "terminated", "", "txn: timeout"},
		{wire.INVITE, false, "200", "180", "accepted", "", ""},
		{wire.INVITE, false, "200", "200", "accepted", "", "200"},
		{wire.INVITE, false, "200", "486", "accepted", "", ""},
		{wire.INVITE, false, "200", "cancel", "accepted", "", ""},
		{wire.INVITE, false, "200", "life", "terminated", "", ""},
		{wire.INVITE, true, "200", "200", "accepted", "", "200"},
		{wire.INVITE, false, "486", "486", "completed", "ACK", ""},
		{wire.INVITE, false, "486", "180", "completed", "", ""},
		{wire.INVITE, false, "486", "200", "completed", "", ""},
		{wire.INVITE, false, "486", "life", "terminated", "", ""},
		{wire.INVITE, true, "", "486", "terminated", "ACK", "486"},
		{wire.INVITE, true, "180", "lost", "terminated", "", "txn: flow lost flow lost"},
		{wire.INVITE, true, "200", "lost", "terminated", "", "flow lost"},

		{wire.BYE, false, "", "retry", "calling", "BYE", ""},
		{wire.BYE, false, "", "life", "terminated", "", "txn: timeout"},
		{wire.BYE, false, "", "100", "proceeding", "", "100"},
		{wire.BYE, false, "", "200", "terminated", "", "200"},
		{wire.BYE, false, "", "481", "terminated", "", "481"},
		{wire.BYE, false, "", "cancel", "calling", "", ""},
		{wire.BYE, false, "100", "retry", "proceeding", "BYE", ""},
		{wire.BYE, false, "100", "life", "terminated", "", "txn: timeout"},
		{wire.BYE, false, "100", "200", "terminated", "", "200"},
		{wire.BYE, false, "200", "200", "terminated", "", ""},
		{wire.BYE, false, "200", "100", "terminated", "", ""},
		{wire.BYE, false, "200", "life", "terminated", "", ""},
		{wire.BYE, true, "", "200", "terminated", "", "200"},
	} {
		name := strings.Join([]string{string(row.method), map[bool]string{true: "reliable"}[row.reliable], row.reach, row.event}, "/")
		t.Run(name, func(t *testing.T) {
			d := newClientDrive(t, row.method, row.reliable)
			for _, e := range strings.Fields(row.reach) {
				d.do(e)
			}
			d.flow.take()
			d.user.take()
			d.b.user.take()
			d.do(row.event)
			if d.cl.buried && d.b.over(d.b.core.keys.client(d.cl.key)) {
				d.cl.state = clientTerminated
			}
			if got := clientStates[d.cl.state]; got != row.state {
				t.Errorf("state %s, want %s", got, row.state)
			}
			if diff := cmp.Diff(row.sent, strings.Join(d.flow.take(), " ")); diff != "" {
				t.Errorf("sent: %s", diff)
			}
			heard := strings.Join(append(d.user.take(), d.b.user.take()...), " ")
			if diff := cmp.Diff(row.heard, heard); diff != "" {
				t.Errorf("heard: %s", diff)
			}
			if d.cl.state == clientTerminated {
				d.endCancel()
				d.b.left(t)
			}
		})
	}
}

type clientDrive struct {
	b    *bench
	flow *fakeFlow
	user *fakeUser
	cl   *Client
	req  *wire.Message
}

func newClientDrive(t *testing.T, method wire.Method, reliable bool) *clientDrive {
	d := &clientDrive{b: newBench(t), flow: newFakeFlow("198.51.100.1:5060", reliable), user: new(fakeUser)}
	d.req = request(method, "", "")
	d.req.Route = []wire.Addr{{URI: wire.URI{Scheme: "sip", Host: "p.example", Params: wire.Params{{Name: "lr"}}}}}
	d.req.CSeq.Seq = 314
	var err error
	if d.cl, err = d.b.sh.Request(d.flow, d.req, d.user); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *clientDrive) do(event string) {
	switch event {
	case "cancel":
		d.cl.Cancel()
	case "retry":
		d.cl.expire(retry)
	case "life":
		if d.cl.buried {
			d.b.elapse(TimerD + dayLength)
			return
		}
		d.cl.expire(life)
	case "broken":
		d.flow.err = errors.New("no route")
		d.cl.expire(retry)
	case "lost":
		d.b.sh.flowLost(d.flow.Key(), ErrFlowLost)
	default:
		status := int(event[0]-'0')*100 + int(event[1]-'0')*10 + int(event[2]-'0')
		d.b.receive(d.flow, wire.NewResponse(d.req, status, "", "totag"))
	}
}

// endCancel runs out the CANCEL's own transaction.
func (d *clientDrive) endCancel() {
	for _, cl := range d.b.sh.clients {
		cl.expire(life)
	}
}

// TestSiblings: what CANCEL and the ACK to a non-2xx take from the INVITE (RFC 3261 sections 9.1 and 17.1.1.3).
func TestSiblings(t *testing.T) {
	d := newClientDrive(t, wire.INVITE, false)
	d.do("180")
	d.cl.Cancel(wire.Field{Name: "Reason", Value: "SIP;cause=200"})
	d.do("487")
	invite, cancel, ack := d.flow.sent[0], d.flow.sent[1], d.flow.sent[2]
	want := invite
	for _, got := range []*wire.Message{cancel, ack} {
		if diff := cmp.Diff([]any{want.URI, want.Via, want.Route, want.From, want.CallID, want.CSeq.Seq},
			[]any{got.URI, got.Via, got.Route, got.From, got.CallID, got.CSeq.Seq}); diff != "" {
			t.Errorf("%s: %s", got.Method, diff)
		}
		if got.CSeq.Method != got.Method || len(got.Body) != 0 || got.MaxForwards != 70 {
			t.Errorf("%s: CSeq %v, %d bytes of body, Max-Forwards %d", got.Method, got.CSeq, len(got.Body), got.MaxForwards)
		}
	}
	if cancel.Get("Reason") != "SIP;cause=200" || ack.Has("Reason") || invite.Has("Reason") {
		t.Errorf("Reason: CANCEL %q, ACK %q", cancel.Get("Reason"), ack.Get("Reason"))
	}
	if cancel.ToTag() != "" || ack.ToTag() != "totag" {
		t.Errorf("To tags: CANCEL %q, ACK %q", cancel.ToTag(), ack.ToTag())
	}
}

func TestRequestVia(t *testing.T) {
	d := newClientDrive(t, wire.INVITE, false)
	sent := d.flow.sent[0]
	v := sent.Via[0]
	if _, rport := v.Params.Lookup("rport"); !rport || len(sent.Via) != 1 || v.Transport != "UDP" || v.Host != "192.0.2.1" || v.Port != 5060 {
		t.Errorf("Via %v", sent.Via)
	}
	if i, ours := d.b.core.shardOfBranch(v.Params.Get("branch")); !ours || i != 0 {
		t.Errorf("branch %s is not ours", v.Params.Get("branch"))
	}
}

// TestBranchOfEachAttempt: a request that is sent again, to another target or with credentials, is another transaction (RFC 3261 section
// 8.1.1.7). CANCEL and the ACK to a failure share their INVITE's (TestSiblings).
func TestBranchOfEachAttempt(t *testing.T) {
	b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
	m, seen := request(wire.INVITE, "", ""), map[string]bool{}
	for range 100 {
		if _, err := b.sh.Request(f, m, b.user); err != nil {
			t.Fatal(err)
		}
		seen[m.Branch()] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d branches for 100 attempts", len(seen))
	}
}

func TestRequestErrors(t *testing.T) {
	b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
	for _, method := range []wire.Method{wire.ACK, wire.CANCEL} {
		if _, err := b.sh.Request(f, request(method, "", ""), b.user); !errors.Is(err, ErrMethod) {
			t.Errorf("%s: %v", method, err)
		}
	}
	f.err = errors.New("no route")
	if _, err := b.sh.Request(f, request(wire.OPTIONS, "", ""), b.user); !errors.Is(err, f.err) {
		t.Errorf("dead flow: %v", err)
	}
	b.left(t)
	if got := b.user.take(); len(got) != 0 {
		t.Errorf("the user heard %v of what Request has returned", got)
	}
}

// TestResponsesFromElsewhere: only the asked realm, and on a connection only that connection, answers.
func TestResponsesFromElsewhere(t *testing.T) {
	d := newClientDrive(t, wire.INVITE, false)
	otherPort := newFakeFlow("198.51.100.9:7777", false)
	otherRealm := newFakeFlow("198.51.100.1:5060", false)
	otherRealm.key.Realm = "elsewhere"
	d.b.receive(otherRealm, wire.NewResponse(d.req, 486, "", "x"))
	if got := d.user.take(); len(got) != 0 {
		t.Errorf("another realm was heard: %v", got)
	}
	d.b.receive(otherPort, wire.NewResponse(d.req, 180, "", "x"))
	if diff := cmp.Diff([]string{"180"}, d.user.take()); diff != "" {
		t.Errorf("datagram from another address: %s", diff)
	}

	d = newClientDrive(t, wire.INVITE, true)
	otherFlow := newFakeFlow("198.51.100.1:5060", true)
	otherFlow.key.ID = 8
	d.b.receive(otherFlow, wire.NewResponse(d.req, 486, "", "x"))
	if got := d.user.take(); len(got) != 0 {
		t.Errorf("another connection was heard: %v", got)
	}
}

func TestResponsesThatMatchNothing(t *testing.T) {
	d := newClientDrive(t, wire.INVITE, false)
	twoVias := wire.NewResponse(d.req, 200, "", "x")
	twoVias.Via = append(twoVias.Via, twoVias.Via[0])
	foreign := wire.NewResponse(request(wire.INVITE, "z9hG4bKforeign", ""), 200, "", "x")
	otherMethod := wire.NewResponse(d.req, 200, "", "x")
	otherMethod.CSeq.Method = wire.BYE
	for name, m := range map[string]*wire.Message{"two Vias": twoVias, "foreign branch": foreign, "other method": otherMethod} {
		before := d.b.core.Stats().Strays
		d.b.receive(d.flow, m)
		if got := d.user.take(); len(got) != 0 {
			t.Errorf("%s: heard %v", name, got)
		}
		if got := d.b.core.Stats().Strays; got != before+1 {
			t.Errorf("%s: %d strays counted", name, got-before)
		}
	}
}

// TestLostConnection takes the transactions it still has, wherever in the list others have ended.
func TestLostConnection(t *testing.T) {
	for ended := range 3 {
		b, f, u := newBench(t), newFakeFlow("198.51.100.1:5060", true), new(fakeUser)
		var first *wire.Message
		for i := range 3 {
			m := request(wire.BYE, "", "")
			if _, err := b.sh.Request(f, m, u); err != nil {
				t.Fatal(err)
			}
			if i == ended {
				first = m
			}
		}
		b.receive(f, wire.NewResponse(first, 200, "", ""))
		b.sh.flowLost(f.Key(), ErrFlowLost)
		if diff := cmp.Diff([]string{"200", ErrFlowLost.Error(), ErrFlowLost.Error()}, u.take()); diff != "" {
			t.Errorf("number %d had ended: %s", ended, diff)
		}
		b.left(t)
	}
}

// ender is a user that wants to hear of the end.
type ender struct{ fakeUser }

func (u *ender) Ended(*Shard, *Client) { u.note("ended") }

// TestEnded: the end of the wait for further 2xx is told, and no other one.
func TestEnded(t *testing.T) {
	for events, want := range map[string]string{"200 life": "200 ended", "486 life": "486", "200 lost": "200", "life": ErrTimeout.Error()} {
		d := newClientDrive(t, wire.INVITE, events == "200 lost")
		u := &ender{}
		d.cl.user = u
		for _, e := range strings.Fields(events) {
			d.do(e)
		}
		if diff := cmp.Diff(want, strings.Join(u.take(), " ")); diff != "" {
			t.Errorf("%s: %s", events, diff)
		}
	}
}
