package dialog

import (
	"testing"
	"time"

	"drawbridge/sip/wire"
)

// FuzzSessionTimer states that whatever a peer writes, a timer that is agreed lies between the least of RFC 4028 and its largest
// number, fires before it expires, and has a refresher; and that what we write about it is read back as the same.
func FuzzSessionTimer(f *testing.F) {
	for _, s := range []string{"1800;refresher=uac", "90 ; refresher=UAS", "0", "4294967296", "1;refresher=x", "-1", ";", "90;refresher=uac;refresher=uas"} {
		f.Add(s, "90", uint16(1800), true)
		f.Add("600", s, uint16(0), false)
	}
	f.Fuzz(func(t *testing.T, expires, least string, wish uint16, supported bool) {
		m := with("Session-Expires: "+expires, "Min-SE: "+least)
		if supported {
			m.Add("Supported", "timer")
		}
		ours := SessionTimer{Interval: time.Duration(wish) * time.Second}
		agreed, fields, status := ours.Answer(m)
		switch {
		case status != 0 && status != 400 && status != 422:
			t.Fatalf("status %d", status)
		case status == 0:
			sane(t, agreed)
		}
		resp := with()
		resp.Fields = fields
		if back := ours.Learn(resp); status == 0 && back.Interval != agreed.Interval {
			t.Fatalf("agreed %v, written as %v, read as %v", agreed, fields, back)
		}
		sane(t, ours.Learn(m))
		if next, ok := ours.Raise(m); ok && next.Interval <= ours.Interval && next.MinSE <= ours.MinSE {
			t.Fatalf("raised from %v to %v: a 422 could go on for ever", ours, next)
		}
	})
}

func sane(t *testing.T, s SessionTimer) {
	t.Helper()
	if s.Interval == 0 && s.Refresher == NoRefresher {
		return
	}
	if s.Interval < minSE || s.Interval > maxSeconds*time.Second || s.Refresher == NoRefresher || s.RefreshAfter() >= s.ExpireAfter() {
		t.Fatalf("%+v: refresh after %v, given up after %v", s, s.RefreshAfter(), s.ExpireAfter())
	}
}

// FuzzDialog states that whatever Contact and Record-Route a peer sends, a dialog that forms sends requests that can be read again, and
// the same ones after it has been packed.
func FuzzDialog(f *testing.F) {
	for _, s := range []string{"<sip:a@b?Subject=x;method=INVITE>", "<sip:p;lr>", "<sip:strict>", `"x" <sips:[::1]:5061;x="y">;z`, "*", "sip:a@b;tag=c", ""} {
		f.Add(s, "<sip:p1;lr>")
		f.Add("<sip:a@b>", s)
	}
	f.Fuzz(func(t *testing.T, contact, route string) {
		m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "b", Host: "h"})
		m.From, m.To = wire.Addr{URI: m.URI}, wire.Addr{URI: m.URI}
		m.CallID, m.CSeq = "c", wire.CSeq{Seq: 1, Method: wire.INVITE}
		for text, at := range map[string]*[]wire.Addr{contact: &m.Contact, route: &m.RecordRoute} {
			if a, err := wire.ParseAddr(text); err == nil {
				*at = []wire.Addr{a}
			}
		}
		d, err := NewUAS(m, "own", wire.Addr{URI: m.URI})
		if err != nil {
			return
		}
		bye := d.Request(wire.BYE)
		bye.Via = []wire.Via{{Transport: "UDP", Host: "h", Params: wire.Params{{Name: "branch", Value: "z9hG4bK1"}}}}
		if len(bye.URI.String()) > 2000 { // what a Contact may hold and a Request-URI may not
			return
		}
		raw := bye.Bytes()
		if _, v := wire.Read(raw, wire.CanonOptions{}); v.Status != 0 && v.Status != 416 {
			t.Fatalf("%d %s for our own\n%s", v.Status, v.Reason, raw)
		}
		id := d.ID()
		d.Pack()
		d.localSeq--
		again := d.Request(wire.BYE)
		again.Via = bye.Via
		if got := string(again.Bytes()); got != string(raw) || d.ID() != id {
			t.Fatalf("%v\n%s\nand when packed %v\n%s", id, raw, d.ID(), got)
		}
	})
}
