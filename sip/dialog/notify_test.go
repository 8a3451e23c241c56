package dialog

import (
	"errors"
	"testing"

	"drawbridge/sip/wire"
)

func TestNotifyFormsTheDialog(t *testing.T) {
	sub := wire.NewRequest(wire.SUBSCRIBE, wire.URI{Scheme: "sip", User: "bob", Host: "example.com"})
	sub.CallID, sub.CSeq = "c1", wire.CSeq{Seq: 7, Method: wire.SUBSCRIBE}
	sub.From.URI = wire.URI{Scheme: "sip", User: "ann", Host: "example.com"}
	sub.From.Params.Set("tag", "ours")
	sub.To.URI = sub.URI
	sub.Contact = []wire.Addr{{URI: wire.URI{Scheme: "sip", User: "ours", Host: "192.0.2.9"}}}
	notify := wire.NewRequest(wire.NOTIFY, sub.Contact[0].URI)
	notify.CallID, notify.CSeq = "c1", wire.CSeq{Seq: 3, Method: wire.NOTIFY}
	notify.From, notify.To = wire.Addr{URI: sub.To.URI}, wire.Addr{URI: sub.From.URI}
	notify.From.Params.Set("tag", "theirs")
	notify.To.Params.Set("tag", "ours")
	notify.Contact = []wire.Addr{{URI: wire.URI{Scheme: "sip", User: "bob", Host: "192.0.2.1"}}}
	notify.RecordRoute = []wire.Addr{
		{URI: wire.URI{Scheme: "sip", Host: "p1", Params: wire.Params{{Name: "lr"}}}}, {URI: wire.URI{Scheme: "sip", Host: "p2", Params: wire.Params{{Name: "lr"}}}},
	}

	d, err := NewNotified(sub, notify)
	if err != nil {
		t.Fatal(err)
	}
	m := d.Request(wire.SUBSCRIBE)
	if m.CSeq.Seq != 8 || m.FromTag() != "ours" || m.ToTag() != "theirs" || m.URI.Host != "192.0.2.1" || len(m.Route) != 2 || m.Route[0].URI.Host != "p1" {
		t.Errorf("the refresh is\n%s", m.Bytes())
	}
	if d.Accept(&wire.Message{Method: wire.NOTIFY, CSeq: wire.CSeq{Seq: 2}}) != 500 {
		t.Error("an older NOTIFY is let in")
	}
	for name, change := range map[string]func(*wire.Message){
		"another call":  func(m *wire.Message) { m.CallID = "c2" },
		"another tag":   func(m *wire.Message) { m.To.Params.Set("tag", "x") },
		"without a tag": func(m *wire.Message) { m.To.Params.Del("tag") },
	} {
		other := *notify
		change(&other)
		if _, err := NewNotified(sub, &other); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
