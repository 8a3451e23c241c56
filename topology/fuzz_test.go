package topology

import (
	"strings"
	"testing"

	"drawbridge/sip/wire"
)

// FuzzInvite states that of a caller's INVITE, whatever is in it, only a display name without address crosses.
func FuzzInvite(f *testing.F) {
	for _, s := range []string{`"Ann" <sip:ann@secret.example>;tag=secret`, `"10.1.2.3 secret" <sip:a@b>`, `"a@secret" <sip:a@b>`, "sip:secret@h"} {
		f.Add(s, "id", 9)
		f.Add("<sip:a@b>", s, 0)
	}
	far := Far{Target: wire.URI{Scheme: "sip", User: "1", Host: "far.example"}, Host: "far.example", Caller: "c", Callee: "1"}
	f.Fuzz(func(t *testing.T, from, other string, hops int) {
		a, err := wire.ParseAddr(from)
		if err != nil {
			return
		}
		in := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "near", Host: "near.example"})
		in.From, in.MaxForwards = a, hops
		in.Add("Privacy", other)
		in.Add("X-Secret", other)
		out := Invite(in, far)
		if out.From.URI.Host != far.Host && out.From.URI.Host != "anonymous.invalid" {
			t.Fatalf("From %s", out.From)
		}
		if hops > 0 && out.MaxForwards != hops-1 {
			t.Fatalf("Max-Forwards %d after %d", out.MaxForwards, hops)
		}
		if out.From.Display != "" && out.From.Display != a.Display && out.From.Display != "Anonymous" || strings.Contains(out.From.Display, "@") {
			t.Fatalf("display name %q from %q", out.From.Display, a.Display)
		}
		for _, field := range out.Fields {
			if field != (wire.Field{Name: "Privacy", Value: "id"}) {
				t.Fatalf("%v crosses", field)
			}
		}
	})
}

// FuzzCauseOf states that a cause read from a Reason is one of Q.850, and that a Reason of ours is read as what it says.
func FuzzCauseOf(f *testing.F) {
	for _, s := range []string{`Q.850;cause=16;text="a, b"`, "SIP;cause=200", "q.850 ; cause = 300", "Q.850;cause=-1", `Q.850;text=";cause=3"`} {
		f.Add(s, 17)
	}
	f.Fuzz(func(t *testing.T, value string, cause int) {
		if n, ok := CauseOf([]string{value}); ok != (n > 0) || n < 0 || n > 127 {
			t.Fatalf("%q: %d %t", value, n, ok)
		}
		ours := Reason(0, cause, value)
		if got, ok := CauseOf([]string{ours}); cause > 0 && cause < 128 && (got != cause || !ok) {
			t.Fatalf("%q is read as %d", ours, got)
		}
		if strings.ContainsAny(ours, "\r\n\x00") || strings.Count(ours, `"`) != 2 {
			t.Fatalf("%q", ours)
		}
	})
}
