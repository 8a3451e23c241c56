package dialog

import (
	"testing"

	"drawbridge/sip/wire"
)

// from returns a request of the peer inside the dialog.
func from(d *Dialog, method wire.Method, seq uint32) *wire.Message {
	m := wire.NewRequest(method, d.Contact().URI)
	m.From, m.To, m.CallID = d.Remote(), d.Local(), d.ID().CallID
	m.CSeq = wire.CSeq{Seq: seq, Method: method}
	return m
}

// TestAccept is RFC 3261 section 12.2.2: lower numbers are out of order, gaps are not, ACK and CANCEL have the number of their INVITE.
func TestAccept(t *testing.T) {
	type step struct {
		method wire.Method
		seq    uint32
		want   int
	}
	for name, tc := range map[string]struct {
		d     *Dialog
		steps []step
	}{
		"callee, the INVITE had 7": {uas(t), []step{
			{wire.INFO, 8, 0}, {wire.INFO, 12, 0}, {wire.INFO, 11, 500}, {wire.BYE, 7, 500}, {wire.BYE, 13, 0}}},
		"caller, any first number": {uac(t, answer(t, 200, "<sip:b>")), []step{
			{wire.UPDATE, 3, 0}, {wire.BYE, 2, 500}, {wire.BYE, 4, 0}}},
		"a refused request moves nothing": {uas(t), []step{{wire.INFO, 1, 500}, {wire.INFO, 8, 0}}},
		"ACK and CANCEL count for nothing": {uas(t), []step{
			{wire.INVITE, 9, 0}, {wire.ACK, 7, 0}, {wire.CANCEL, 1, 0}, {wire.ACK, 2000, 0}, {wire.INFO, 10, 0}}},
		"the largest number": {uas(t), []step{{wire.INFO, 1<<31 - 1, 0}, {wire.INFO, 1<<31 - 2, 500}}},
	} {
		for i, s := range tc.steps {
			if got := tc.d.Accept(from(tc.d, s.method, s.seq)); got != s.want {
				t.Errorf("%s, step %d: %s %d: %d, want %d", name, i, s.method, s.seq, got, s.want)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	d := uas(t)
	for name, tc := range map[string]struct {
		change func(*wire.Message)
		want   bool
	}{
		"the peer":        {func(*wire.Message) {}, true},
		"another call":    {func(m *wire.Message) { m.CallID = "x" }, false},
		"another tag":     {func(m *wire.Message) { m.From.Params.Set("tag", "x") }, false},
		"a tag of ours":   {func(m *wire.Message) { m.To.Params.Set("tag", "x") }, false},
		"no To tag":       {func(m *wire.Message) { m.To.Params.Del("tag") }, false},
		"tags reversed":   {func(m *wire.Message) { m.From, m.To = m.To, m.From }, false},
		"a tag by case":   {func(m *wire.Message) { m.To.Params.Set("tag", "BOB") }, false}, // tags are compared byte for byte
		"another address": {func(m *wire.Message) { m.From.URI.User = "x"; m.From.Display = "" }, true},
	} {
		m := from(d, wire.BYE, 8)
		tc.change(m)
		if got := d.Matches(m); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRefresh is RFC 3261 section 12.2.1.2 and 12.2.2: target refresh requests and their answers move the target, nothing moves the routes.
func TestRefresh(t *testing.T) {
	const before = "sip:alice@192.0.2.1"
	response := func(method wire.Method, status int) func(*Dialog) *wire.Message {
		return func(d *Dialog) *wire.Message { return wire.NewResponse(d.Request(method), status, "", "") }
	}
	request := func(method wire.Method) func(*Dialog) *wire.Message {
		return func(d *Dialog) *wire.Message { return from(d, method, 8) }
	}
	for name, tc := range map[string]struct {
		make    func(*Dialog) *wire.Message
		contact string
		want    string
	}{
		"re-INVITE":                      {request(wire.INVITE), "<sip:new>", "sip:new"},
		"UPDATE":                         {request(wire.UPDATE), "<sips:new;transport=tcp>", "sips:new;transport=tcp"},
		"NOTIFY":                         {request(wire.NOTIFY), "<sip:new>", "sip:new"},
		"INFO is none":                   {request(wire.INFO), "<sip:new>", before},
		"BYE is none":                    {request(wire.BYE), "<sip:new>", before},
		"OPTIONS is none":                {request(wire.OPTIONS), "<sip:new>", before},
		"200 to our re-INVITE":           {response(wire.INVITE, 200), "<sip:new>", "sip:new"},
		"183 to our re-INVITE":           {response(wire.INVITE, 183), "<sip:new>", "sip:new"},
		"100 to our re-INVITE":           {response(wire.INVITE, 100), "<sip:new>", before},
		"200 to our INFO":                {response(wire.INFO, 200), "<sip:new>", before},
		"302 is another matter":          {response(wire.INVITE, 302), "<sip:new>", before},
		"488 keeps the target":           {response(wire.INVITE, 488), "<sip:new>", before},
		"no Contact":                     {request(wire.INVITE), "", before},
		"a Contact that is the old one":  {request(wire.INVITE), "<" + before + ">", before},
		"a Contact nobody can call":      {request(wire.INVITE), "<mailto:a@b>", before},
		"what no Request-URI may have":   {request(wire.INVITE), "<sip:new;method=BYE;x=y?Route=evil>", "sip:new;x=y"},
		"header parameters of a Contact": {request(wire.INVITE), "<sip:new>;expires=5", "sip:new"},
	} {
		d := uas(t, "<sip:p;lr>")
		m := tc.make(d)
		m.Contact, m.RecordRoute = nil, addrs(t, "<sip:elsewhere;lr>")
		if tc.contact != "" {
			m.Contact = addrs(t, tc.contact)
		}
		changed := d.Refresh(m)
		if got := d.Target().String(); got != tc.want || changed != (tc.want != before) {
			t.Errorf("%s: target %s, changed %v, want %s", name, got, changed, tc.want)
		}
		if r := d.Request(wire.BYE).Route; len(r) != 1 || r[0].URI.Host != "p" {
			t.Errorf("%s: the route set moved to %v", name, texts(r))
		}
	}
}

// TestTargetOfTheInvite: what a Contact may have and a Request-URI may not is taken off from the first request on.
func TestTargetOfTheInvite(t *testing.T) {
	if got := uas(t).Request(wire.BYE).URI.String(); got != "sip:alice@192.0.2.1" {
		t.Errorf("callee: %s", got)
	}
	d := uac(t, answer(t, 200, "<sip:bob@192.0.2.2;method=X?a=b>"))
	if got := d.Request(wire.BYE).URI.String(); got != "sip:bob@192.0.2.2" {
		t.Errorf("caller: %s", got)
	}
}
