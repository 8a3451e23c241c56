package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/sip/wire"
)

// secrets are what a side says in a message beside what its method is about. None of it may be found on the other side.
var secrets = []wire.Field{
	{Name: "User-Agent", Value: "secretphone/1.0"}, {Name: "Server", Value: "secretphone/1.0"}, {Name: "Organization", Value: "secret org"},
	{Name: "P-Asserted-Identity", Value: "<sip:secret@10.0.0.77>"}, {Name: "P-Preferred-Identity", Value: "<sip:secret@10.0.0.77>"},
	{Name: "Remote-Party-ID", Value: "<sip:secret@10.0.0.77>"}, {Name: "P-Access-Network-Info", Value: "secret"}, {Name: "P-Charging-Vector", Value: "icid-value=secret"},
	{Name: "Call-Info", Value: "<http://10.0.0.77/secret>"}, {Name: "Alert-Info", Value: "<http://10.0.0.77/secret>"}, {Name: "Error-Info", Value: "<sip:secret@10.0.0.77>"},
	{Name: "Warning", Value: `399 10.0.0.77 "secret"`}, {Name: "Reason", Value: `SIP;cause=480;text="secret"`}, {Name: "In-Reply-To", Value: "secret@10.0.0.77"},
	{Name: "Reply-To", Value: "<sip:secret@10.0.0.77>"}, {Name: "Subject", Value: "secret at 10.0.0.77"}, {Name: "Date", Value: "secret"},
	{Name: "History-Info", Value: "<sip:secret@10.0.0.77>;index=1"}, {Name: "Diversion", Value: "<sip:secret@10.0.0.77>"}, {Name: "Identity", Value: "secret"},
	{Name: "Referred-By", Value: "<sip:secret@10.0.0.77>"}, {Name: "Target-Dialog", Value: "secret;local-tag=a"}, {Name: "User-to-User", Value: "736563726574;secret"},
	{Name: "X-Secret", Value: "secret"}, {Name: "Timestamp", Value: "77.77"}, {Name: "Path", Value: "<sip:10.0.0.77;lr>"}, {Name: "Geolocation", Value: "<cid:secret>"},
	{Name: "P-Associated-URI", Value: "<sip:secret@10.0.0.77>"}, {Name: "Authentication-Info", Value: `nextnonce="secret"`}, {Name: "Accept-Contact", Value: "*;secret"},
}

// marks are what is looked for.
var marks = []string{"secret", "10.0.0.77", "736563726574", "77.77"}

// stuffed lets a message say all its secrets, and more in its addresses. One inside a dialog keeps what the dialog is known by.
func stuffed(m *wire.Message) *wire.Message {
	m.Fields = append(m.Fields, secrets...)
	if m.IsRequest() && m.ToTag() == "" {
		m.Route = []wire.Addr{{URI: wire.URI{Scheme: "sip", Host: "10.0.0.77", Params: wire.Params{{Name: "lr"}}}}}
		m.Via = append(m.Via, wire.Via{Transport: "UDP", Host: "10.0.0.77", Params: wire.Params{{Name: "branch", Value: "z9hG4bKsecret"}}})
		m.From.Params.Set("secret", "10.0.0.77")
		m.From.URI.Host = "10.0.0.77"
		m.CallID = "secret@10.0.0.77"
	}
	m.Contact = []wire.Addr{{URI: wire.URI{Scheme: "sip", User: "secret", Host: "10.0.0.77"}}}
	m.RecordRoute = []wire.Addr{{URI: wire.URI{Scheme: "sip", Host: "10.0.0.77", Params: wire.Params{{Name: "lr"}}}}}
	m.ContentType += ";secret=1"
	return m
}

// TestNothingOfEitherSideCrossesOutsideCalls is the grep of sip.md section 11.1: a request of each method that is carried, from browser to
// trunk and from trunk to browser, and its answer back, with a secret in every place that can hold one.
func TestNothingOfEitherSideCrossesOutsideCalls(t *testing.T) {
	rows := []struct {
		method wire.Method
		body   string
		event  string
	}{
		{wire.MESSAGE, "text", ""}, {wire.INFO, "digits", ""}, {wire.OPTIONS, "text", ""}, {wire.PUBLISH, "open", "presence;secret=10.0.0.77"},
		{wire.SUBSCRIBE, "", "dialog;id=secret;call-id=secret"},
	}
	for _, way := range []struct{ from, to, number string }{{"A", "T", "100"}, {"T", "C", "bob"}} {
		for _, row := range rows {
			t.Run(string(row.method)+" from "+way.from, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, nil)
					defer w.close()
					near, far := w.peers[way.from], w.peers[way.to]
					m := near.ask(row.method, way.number)
					m.ContentType, m.Body = bodies[row.body].kind, []byte(bodies[row.body].text)
					if row.event != "" {
						m.Add("Event", row.event)
					}
					stuffed(m)
					for _, mark := range marks {
						if !strings.Contains(string(m.Bytes()), mark) {
							t.Fatalf("the scan would not see %q", mark)
						}
					}
					near.send(m)
					synctest.Wait()
					asked := last(t, far)
					noneCrosses(t, asked)

					far.heard(asked)
					near.took()
					far.send(stuffed(far.response(200, "", "")))
					synctest.Wait()
					answer := last(t, near)
					if answer.Status != 200 {
						t.Fatalf("answered %d", answer.Status)
					}
					// The answer repeats what the near side itself has said.
					answer.Via, answer.From, answer.CallID, answer.RecordRoute = nil, wire.Addr{}, "", nil
					noneCrosses(t, answer)
					if row.method != wire.SUBSCRIBE {
						return
					}
					near.pending, far.seq = nil, 200
					notify := far.within(wire.NOTIFY)
					notify.Add("Event", "dialog;secret=1")
					notify.Add("Subscription-State", "terminated;reason=noresource;secret=10.0.0.77")
					notify.ContentType, notify.Body = bodies["busy"].kind, []byte(strings.ReplaceAll(bodies["busy"].text, "10.0.0.9", "10.0.0.77"))
					far.send(stuffed(notify))
					synctest.Wait()
					told := last(t, near)
					if told.Method != wire.NOTIFY || !strings.Contains(string(told.Body), "confirmed") {
						t.Fatalf("told %s", told.Bytes())
					}
					told.CallID, told.From, told.To, told.URI, told.Route = "", wire.Addr{}, wire.Addr{}, wire.URI{}, nil // the near side's own words
					told.Del("Event")
					noneCrosses(t, told)
				})
			})
		}
	}
}

// last is the newest message that a peer has got; the others are forgotten.
func last(t *testing.T, p *peer) *wire.Message {
	t.Helper()
	got := p.took()
	if len(got) == 0 {
		t.Fatalf("%s has got nothing", p.name)
	}
	return got[len(got)-1]
}

// took empties a peer's inbox.
func (p *peer) took() (got []*wire.Message) {
	p.w.record(func() { got, p.inbox = p.inbox, nil })
	return got
}

func noneCrosses(t *testing.T, m *wire.Message) {
	t.Helper()
	text := string(m.Bytes())
	for _, mark := range marks {
		if strings.Contains(text, mark) {
			t.Errorf("%q crosses:\n%s", mark, text)
		}
	}
}
