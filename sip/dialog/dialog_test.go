package dialog

import (
	"errors"
	"testing"

	"drawbridge/sip/wire"
	"github.com/google/go-cmp/cmp"
)

func addr(t *testing.T, s string) wire.Addr {
	t.Helper()
	a, err := wire.ParseAddr(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return a
}

func addrs(t *testing.T, list ...string) []wire.Addr {
	t.Helper()
	var as []wire.Addr
	for _, s := range list {
		as = append(as, addr(t, s))
	}
	return as
}

func texts(as []wire.Addr) []string {
	var out []string
	for _, a := range as {
		out = append(out, a.String())
	}
	return out
}

// invite is the INVITE that all dialogs here begin with. It was sent along a Route of its own.
func invite(t *testing.T, recordRoute ...string) *wire.Message {
	t.Helper()
	m := wire.NewRequest(wire.INVITE, addr(t, "<sip:bob@example.com>").URI)
	m.From, m.To = addr(t, `"A" <sip:alice@example.net>;tag=alice`), addr(t, "<sip:bob@example.com>")
	m.CallID, m.CSeq = "call", wire.CSeq{Seq: 7, Method: wire.INVITE}
	m.Contact = addrs(t, "<sip:alice@192.0.2.1?Subject=x>")
	m.Route = addrs(t, "<sip:preloaded;lr>")
	m.RecordRoute = addrs(t, recordRoute...)
	return m
}

// answer is a response to invite as it reaches the caller.
func answer(t *testing.T, status int, contact string, recordRoute ...string) *wire.Message {
	t.Helper()
	m := wire.NewResponse(invite(t), status, "", "bob")
	if contact != "" {
		m.Contact = addrs(t, contact)
	}
	m.RecordRoute = addrs(t, recordRoute...)
	return m
}

func uas(t *testing.T, recordRoute ...string) *Dialog {
	t.Helper()
	d, err := NewUAS(invite(t, recordRoute...), "bob", addr(t, "<sip:bob@192.0.2.2>"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func uac(t *testing.T, resp *wire.Message) *Dialog {
	t.Helper()
	d, err := NewUAC(invite(t), resp)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRequestFollowsTheRouteSet is RFC 3261 sections 12.1.1, 12.1.2 and 12.2.1.1: the callee keeps the order of Record-Route, the caller
// turns it round, a strict router gets the request addressed to itself.
func TestRequestFollowsTheRouteSet(t *testing.T) {
	const toAlice, toBob = "<sip:alice@192.0.2.1>", "<sip:bob@192.0.2.2>"
	fromBob := func(rr ...string) *Dialog { return uas(t, rr...) }
	fromAlice := func(rr ...string) *Dialog { return uac(t, answer(t, 200, "<sip:bob@192.0.2.2>", rr...)) }
	for _, tc := range []struct {
		name  string
		d     *Dialog
		uri   string
		route []string
		hop   string
	}{
		{"callee, no proxies", fromBob(), "sip:alice@192.0.2.1", nil, "sip:alice@192.0.2.1"},
		{"caller, no proxies, the Route it called with is gone", fromAlice(), "sip:bob@192.0.2.2", nil, "sip:bob@192.0.2.2"},
		{"callee", fromBob("<sip:p3;lr>", "<sip:p2;lr>", "<sip:p1;lr>"), "sip:alice@192.0.2.1",
			[]string{"<sip:p3;lr>", "<sip:p2;lr>", "<sip:p1;lr>"}, "sip:p3;lr"},
		{"caller", fromAlice("<sip:p3;lr>", "<sip:p2;lr>", "<sip:p1;lr>"), "sip:bob@192.0.2.2",
			[]string{"<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>"}, "sip:p1;lr"},
		{"header parameters and quotes go back", fromBob(`<sip:p3;lr;ftag="a;b">;x="1, 2"`), "sip:alice@192.0.2.1",
			[]string{`<sip:p3;lr;ftag="a;b">;x="1, 2"`}, `sip:p3;lr;ftag="a;b"`},
		{"callee, strict router next", fromBob("<sip:p3;method=INVITE?a=b>", "<sip:p2;lr>"), "sip:p3",
			[]string{"<sip:p2;lr>", toAlice}, "sip:p3;method=INVITE?a=b"},
		{"caller, strict router next", fromAlice("<sip:p2;lr>", "<sip:p1>"), "sip:p1", []string{"<sip:p2;lr>", toBob}, "sip:p1"},
		{"a strict router alone", fromBob("<sip:p1>"), "sip:p1", []string{toAlice}, "sip:p1"},
		{"a strict router further on is for the proxy before it", fromBob("<sip:p2;lr>", "<sip:p1>"), "sip:alice@192.0.2.1",
			[]string{"<sip:p2;lr>", "<sip:p1>"}, "sip:p2;lr"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, m := range []*wire.Message{tc.d.Request(wire.BYE), tc.d.Ack(7)} {
				if m.URI.String() != tc.uri {
					t.Errorf("%s: Request-URI %s, want %s", m.Method, m.URI, tc.uri)
				}
				if diff := cmp.Diff(tc.route, texts(m.Route)); diff != "" {
					t.Errorf("%s: %s", m.Method, diff)
				}
			}
			if got := tc.d.NextHop(); got.String() != tc.hop {
				t.Errorf("next hop %s, want %s", got, tc.hop)
			}
		})
	}
}

func TestRequestsDoNotShareTheirRoute(t *testing.T) {
	d := uas(t, "<sip:p2;lr>", "<sip:p1;lr>")
	one, two := d.Request(wire.INFO), d.Request(wire.INFO)
	one.Route = append(one.Route, addr(t, "<sip:x>"))
	two.Route = append(two.Route, addr(t, "<sip:y>"))
	if one.Route[2].URI.Host != "x" || len(d.Request(wire.BYE).Route) != 2 {
		t.Error("what one request appended reached another")
	}
}

func TestRequestInsideTheDialog(t *testing.T) {
	callee, caller := uas(t), uac(t, answer(t, 200, "<sip:bob@192.0.2.2>"))
	const alice, bob = `"A" <sip:alice@example.net>;tag=alice`, "<sip:bob@example.com>;tag=bob"
	for _, tc := range []struct {
		name     string
		m        *wire.Message
		from, to string
		seq      uint32
		contact  []string
	}{
		{"callee", callee.Request(wire.UPDATE), bob, alice, 1, []string{"<sip:bob@192.0.2.2>"}},
		{"callee, the next", callee.Request(wire.BYE), bob, alice, 2, nil},
		{"caller", caller.Request(wire.INVITE), alice, bob, 8, []string{"<sip:alice@192.0.2.1?Subject=x>"}},
		{"ACK to the first INVITE", caller.Ack(7), alice, bob, 7, nil},
		{"ACK to the next", caller.Ack(8), alice, bob, 8, nil},
	} {
		m := tc.m
		if m.From.String() != tc.from || m.To.String() != tc.to || m.CallID != "call" || m.MaxForwards != 70 || len(m.Via) != 0 {
			t.Errorf("%s:\n%s", tc.name, m.Bytes())
		}
		if want := (wire.CSeq{Seq: tc.seq, Method: m.Method}); m.CSeq != want {
			t.Errorf("%s: CSeq %v, want %v", tc.name, m.CSeq, want)
		}
		if diff := cmp.Diff(tc.contact, texts(m.Contact)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
	if caller.LocalSeq() != 8 {
		t.Errorf("an ACK took a number: %d", caller.LocalSeq())
	}
	if got, want := callee.ID(), (ID{"call", "bob", "alice"}); got != want {
		t.Errorf("callee's dialog is %v", got)
	}
	if got, want := caller.ID(), (ID{"call", "alice", "bob"}); got != want {
		t.Errorf("caller's dialog is %v", got)
	}
}

func TestWhatFormsNoDialog(t *testing.T) {
	contact := addr(t, "<sip:us>")
	without := func(change func(*wire.Message)) *wire.Message { m := invite(t); change(m); return m }
	for name, tc := range map[string]struct {
		err  error
		want error
	}{
		"callee without tag": {second(NewUAS(invite(t), "", contact)), ErrNoTag},
		"neither Contact nor SIP": {second(NewUAS(without(func(m *wire.Message) {
			m.Contact, m.From = nil, addr(t, "<tel:+1>;tag=alice")
		}), "bob", contact)), ErrNoContact},
		"a Contact that cannot be called": {second(NewUAS(without(func(m *wire.Message) { m.Contact = addrs(t, "<tel:+1>") }), "bob", contact)),
			ErrNoContact},
		"caller without tag":     {second(NewUAC(without(func(m *wire.Message) { m.From.Params = nil }), answer(t, 200, "<sip:b>"))), ErrNoTag},
		"caller without Contact": {second(NewUAC(without(func(m *wire.Message) { m.Contact = nil }), answer(t, 200, "<sip:b>"))), ErrNoContact},
		"another call":           {second(NewUAC(without(func(m *wire.Message) { m.CallID = "x" }), answer(t, 200, "<sip:b>"))), ErrMismatch},
		"another caller":         {second(NewUAC(without(func(m *wire.Message) { m.From.Params.Set("tag", "x") }), answer(t, 200, "<sip:b>"))), ErrMismatch},
		"100":                    {second(NewUAC(invite(t), answer(t, 100, ""))), ErrMismatch},
		"486":                    {second(NewUAC(invite(t), answer(t, 486, "<sip:b>"))), ErrMismatch},
	} {
		if !errors.Is(tc.err, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.err, tc.want)
		}
	}
}

func second(_ *Dialog, err error) error { return err }

// TestCallerOfRFC2543 sends neither tag nor Contact: its dialog has no remote tag (RFC 3261 section 12.1.1) and goes to its From (RFC 4475
// section 3.4.1).
func TestCallerOfRFC2543(t *testing.T) {
	m := invite(t)
	m.Contact, m.From = nil, addr(t, "<sip:+13035551111@192.0.2.9;user=phone>")
	d, err := NewUAS(m, "bob", addr(t, "<sip:bob@192.0.2.2>"))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Target().String(); got != "sip:+13035551111@192.0.2.9;user=phone" || d.ID().RemoteTag != "" {
		t.Errorf("target %s, remote tag %q", got, d.ID().RemoteTag)
	}
	m.From = addr(t, "<tel:+13035551111>")
	if _, err := NewUAS(m, "bob", addr(t, "<sip:bob@192.0.2.2>")); !errors.Is(err, ErrNoContact) {
		t.Errorf("From tel: without Contact: %v", err)
	}
}

// TestEarlyDialogBecomesConfirmed is RFC 3261 section 13.2.2.4: the 2xx decides target and route set, a later one no more; the numbers
// go on where the early dialog left them.
func TestEarlyDialogBecomesConfirmed(t *testing.T) {
	d := uac(t, answer(t, 180, "", "<sip:early;lr>"))
	if d.Confirmed() || d.Target().String() != "sip:bob@example.com" {
		t.Errorf("early: confirmed %v, target %s", d.Confirmed(), d.Target())
	}
	if m := d.Request(wire.PRACK); m.CSeq.Seq != 8 || m.Route[0].URI.Host != "early" {
		t.Errorf("early:\n%s", m.Bytes())
	}
	d.Confirm(answer(t, 200, "<sip:bob@192.0.2.2>", "<sip:p2;lr>", "<sip:p1;lr>"))
	m := d.Request(wire.BYE)
	if !d.Confirmed() || m.CSeq.Seq != 9 || m.URI.Host != "192.0.2.2" {
		t.Errorf("confirmed:\n%s", m.Bytes())
	}
	want := []string{"<sip:p1;lr>", "<sip:p2;lr>"}
	if diff := cmp.Diff(want, texts(m.Route)); diff != "" {
		t.Error(diff)
	}
	d.Confirm(answer(t, 200, "<sip:other>", "<sip:other;lr>"))
	if m := d.Request(wire.BYE); m.URI.Host != "192.0.2.2" || !cmp.Equal(want, texts(m.Route)) {
		t.Errorf("a confirmed dialog was confirmed again:\n%s", m.Bytes())
	}
}

func TestCalleeIsConfirmedWhenItSaysSo(t *testing.T) {
	d := uas(t)
	if d.Confirmed() {
		t.Error("confirmed before the 2xx")
	}
	if d.Established(); !d.Confirmed() {
		t.Error("not confirmed after the 2xx")
	}
}
