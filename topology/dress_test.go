package topology

import (
	"bytes"
	"strings"
	"testing"

	"drawbridge/policy/profile"
	"drawbridge/sip/wire"
)

// everything is a profile with every switch on.
func everything(t testing.TB) *profile.Profile {
	p := &profile.Profile{
		Identity: profile.Identity{
			NumIn: []profile.Rewrite{{Match: `0([1-9]\d*)`, To: "+49$1"}}, NumOut: []profile.Rewrite{{Match: `\+49(\d+)`, To: "0$1"}},
			UserPhone: "add", UserParams: "keep", Tel: "keep", CalledFrom: "to", IDIn: "pai", IDOut: "pai", CLIRIn: "prefix", CLIRKeep: true,
			DivIn: "diversion", DivOut: "hi", DivOwn: "+4930555", STIR: "pass", Verstat: "keep", UUI: "rfc7433",
			EmergencyMap: []profile.Rewrite{{Match: "112", To: "urn:service:sos"}},
		},
		Wire: profile.Wire{Pass: []string{"X-Call-Reference"}},
	}
	if bad := p.Check(); bad != nil {
		t.Fatal(bad)
	}
	return p
}

// dressed is what a far side with a profile sees of a message from a near side with another.
func dressed(in *wire.Message, near, far *profile.Profile) []byte {
	t := Read(in, near)
	t.Transit = true
	to := Far{
		Target: wire.URI{Scheme: "sip", User: t.Called, Host: "192.0.2.9"}, Host: "far.example.com", Caller: CallerOf(in, near), Callee: t.Called,
		Private: t.Private,
	}
	m := Invite(in, to)
	Dress(m, in, t, to, far)
	Trim(m, far, true)
	return m.Bytes()
}

// TestNoHostCrossesInIdentities: whatever identities are taken along, no host, address or dialog value of the near side is.
func TestNoHostCrossesInIdentities(t *testing.T) {
	lines := []string{
		"History-Info: <sip:+4930300@near.example.com?Reason=SIP%3Bcause%3D486%3Btext%3D%2210.1.2.3%22>;index=1",
		"History-Info: <sip:+4930301@10.1.2.3;cause=302>;index=1.1", "P-Preferred-Identity: <sip:+4930200@near.example.com>",
		"Remote-Party-ID: <sip:+4930200@10.1.2.3>;party=calling;privacy=off", "P-Called-Party-ID: <sip:+4930200;x=near-contact@near.example.com>",
		"User-to-User: 4e6f;encoding=hex;x=near-custom", "X-UUI: 4e6f", "Identity: a.b.c;info=<https://near.example.com/>;alg=ES256",
	}
	for _, row := range []struct{ in, out string }{{"pai", "rpid"}, {"rpid", "pai"}, {"ppi", "ppi"}, {"from", "from"}} {
		for _, div := range []string{"diversion", "hi"} {
			from, to := everything(t), everything(t)
			from.Identity.IDIn, from.Identity.DivIn, to.Identity.IDOut, to.Identity.DivOut = row.in, div, row.out, div
			in := near(t, lines...)
			out := string(dressed(in, from, to))
			for _, s := range secrets {
				if strings.HasPrefix(s, "near-asserted") || strings.HasPrefix(s, "near-diversion") {
					continue // these are the names of people, and meant to cross
				}
				if strings.Contains(out, s) {
					t.Errorf("%+v: the far side sees %q:\n%s", row, s, out)
				}
			}
			if div == "diversion" && !strings.Contains(out, "near-diversion@far.example.com") {
				t.Errorf("who forwarded the call is not told:\n%s", out)
			}
		}
	}
}

// TestWithheldNumberStaysIn: with privacy no form of the header for a peer outside the trust domain names the caller, nor those who forwarded.
func TestWithheldNumberStaysIn(t *testing.T) {
	for _, out := range []string{"from", "pai", "ppi"} {
		for _, div := range []string{"diversion", "hi"} {
			from, to := everything(t), everything(t)
			to.Identity.IDOut, to.Identity.DivOut, to.Identity.CLIRKeep, to.Identity.DivOwn = out, div, false, ""
			in := near(t, "Privacy: id;history", "P-Preferred-Identity: <sip:near-asserted@near.example.com>")
			text := string(dressed(in, from, to))
			for _, s := range []string{"near-asserted", "near-diversion", "Ann", "<sip:ann"} {
				if strings.Contains(text, s) {
					t.Errorf("%s %s: %q in\n%s", out, div, s, text)
				}
			}
		}
	}
}

func TestReasonAs(t *testing.T) {
	for _, row := range []struct{ form, want string }{
		{"", `SIP;cause=486;text="Busy", Q.850;cause=17`}, {"q850", `Q.850;cause=17;text="Busy"`}, {"sip", `SIP;cause=486;text="Busy"`}, {"none", ""},
	} {
		if got := ReasonAs(row.form, 486, 17, "Busy"); got != row.want {
			t.Errorf("%s: %s", row.form, got)
		}
	}
	if got := ReasonAs("sip", 0, 16, "normal"); got != "" {
		t.Errorf("no status, but %s", got)
	}
}

func TestSignedFor(t *testing.T) {
	const head = "eyJhbGciOiJFUzI1NiJ9."
	good := head + "eyJkZXN0Ijp7InRuIjpbIjQ5MzAiXX0sIm9yaWciOnsidG4iOiI0OTIwIn19.c2ln" // {"dest":{"tn":["4930"]},"orig":{"tn":"4920"}}
	for _, row := range []struct {
		identity, caller, called string
		want                     bool
	}{
		{good + ";info=<https://x>", "+4920", "+4930", true}, {good, "4920", "4930", true}, {good, "+4921", "+4930", false}, {good, "+4920", "+4931", false},
		{"..c2ln;info=<https://x>", "+4920", "+4930", false}, {head + "bm9qc29u.c2ln", "+4920", "+4930", false}, {"", "", "", false},
	} {
		if got := signedFor(row.identity, row.caller, row.called); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
}

// TestPortabilityIsANetworksWord: a trunk may say where a number has been ported to; an account that says so would be connected to a number
// that nobody has judged.
func TestPortabilityIsANetworksWord(t *testing.T) {
	for _, transit := range []bool{true, false} {
		in := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "+4930123;npdi;rn=+25261555;cic=+1234", Host: "near.example.com"})
		told := Read(in, nil)
		told.Transit = transit
		to := Far{Target: wire.URI{Scheme: "sip", User: told.Called, Host: "192.0.2.9"}, Host: "far.example.com", Callee: told.Called}
		m := Invite(in, to)
		Dress(m, in, told, to, &profile.Profile{Identity: profile.Identity{UserParams: "keep"}})
		if got := strings.Contains(string(m.Bytes()), "25261555"); got != transit {
			t.Errorf("behind a trunk %v, the routing number crosses %v:\n%s", transit, got, m.Bytes())
		}
	}
}

// FuzzDress: whatever stands in the headers that are taken along, what goes out is read as what was written: one INVITE with the same
// number of headers, none of them grown beyond the far side's own lines.
func FuzzDress(f *testing.F) {
	f.Add("<sip:+4930@h>;reason=user-busy", "<sip:1@h;cause=302>;index=1", "4e6f;encoding=hex", `"x" <sip:+4930;verstat=TN-Validation-Passed@h>`, "a.b.c")
	f.Add("<tel:+4930;phone-context=+49>", `<sip:1@h?Reason=SIP%3Bcause%3D302>;index=1`, "\r\nVia: x", "=?UTF-8?Q?=0D=0AVia:_x?= <sip:a@b>", "..")
	near, far := everything(f), everything(f)
	near.Identity.DivIn = "hi"
	f.Fuzz(func(t *testing.T, diversion, history, uui, asserted, identity string) {
		in := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "+4930231250", Host: "near.example.com"})
		in.From = wire.Addr{URI: wire.URI{Scheme: "sip", User: "ann", Host: "near.example.com"}}
		in.To = wire.Addr{URI: in.URI}
		for name, v := range map[string]string{
			"Diversion": diversion, "History-Info": history, "User-to-User": uui, "P-Asserted-Identity": asserted, "Identity": identity,
			"P-Called-Party-ID": asserted, "Remote-Party-ID": asserted,
		} {
			in.Add(name, v)
		}
		out := dressed(in, near, far)
		head, _, _ := bytes.Cut(out, []byte("\r\n\r\n"))
		for line := range bytes.SplitSeq(head, []byte("\r\n")) {
			if name, _, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Via")) {
				t.Fatalf("a header that nobody wrote:\n%s", out)
			}
		}
		if bytes.Contains(out, []byte("near.example.com")) && !strings.Contains(identity+diversion+history+uui+asserted, "near.example.com") {
			t.Fatalf("the near side's host crosses:\n%s", out)
		}
		whole := append(bytes.Clone(head), []byte("\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:h>\r\n\r\n")...)
		whole = bytes.Replace(whole, []byte("\r\nTo: "), []byte(";tag=x\r\nTo: "), 1)
		if _, v := wire.Read(whole, wire.CanonOptions{}); v.Status != 0 && v.Status != 416 {
			t.Fatalf("we would refuse it with %d %s:\n%s", v.Status, v.Reason, whole)
		}
	})
}

func BenchmarkDress(b *testing.B) {
	p := everything(b)
	in := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "+4930231250", Host: "near.example.com"})
	in.From = wire.Addr{Display: "Ann", URI: wire.URI{Scheme: "sip", User: "ann", Host: "near.example.com"}}
	in.To = wire.Addr{URI: in.URI}
	in.Add("P-Asserted-Identity", "<sip:+4930200@near.example.com>")
	in.Add("Diversion", "<sip:+4930300@near.example.com>;reason=user-busy")
	to := Far{Target: wire.URI{Scheme: "sip", User: "+4930231250", Host: "192.0.2.9"}, Host: "far.example.com", Caller: "+4930200", Callee: "+4930231250"}
	for _, row := range []struct {
		name string
		p    *profile.Profile
	}{{"none", nil}, {"everything", p}} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := Read(in, row.p)
				m := Invite(in, to)
				Dress(m, in, t, to, row.p)
				Trim(m, row.p, false)
			}
		})
	}
}

// TestEmergencyLocation: where an emergency call comes from is what the profile says, for the numbers of its map alone; what the caller's own
// message says of it, and of its priority, never crosses.
func TestEmergencyLocation(t *testing.T) {
	p := everything(t)
	p.Identity.EmergencyLocation = []profile.Header{{Name: "Geolocation", Value: "<https://where.example.com/hq>"}}
	if bad := p.Check(); bad != nil {
		t.Fatal(bad)
	}
	for number, told := range map[string]bool{"112": true, "+4930200": false} {
		in := near(t, "Geolocation: <https://near.example.com/desk>", "Resource-Priority: esnet.0")
		in.URI.User, in.To.URI.User = number, number
		out := string(dressed(in, everything(t), p))
		if strings.Contains(out, "Geolocation: <https://where.example.com/hq>\r\n") != told {
			t.Errorf("%s: told %v, want %v:\n%s", number, !told, told, out)
		}
		if strings.Contains(out, "near.example.com/desk") || strings.Contains(out, "Resource-Priority") {
			t.Errorf("%s: the caller's own crosses:\n%s", number, out)
		}
	}
}
