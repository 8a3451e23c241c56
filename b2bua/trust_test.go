package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/policy/profile"
	"drawbridge/policy/route"
	"drawbridge/sip/wire"
)

// TestAssertedIdentities is the table of trust at a border between two trunks (RFC 3324, sip.md section 10.1): what the one asserts, and
// what the other is told when both are trusted, only the one, only the other, and neither.
func TestAssertedIdentities(t *testing.T) {
	asserting := profile.Profile{Identity: profile.Identity{IDIn: "pai", IDOut: "pai", DivIn: "diversion", DivOut: "diversion"}}
	keeping := asserting
	keeping.Identity.CLIRKeep = true
	const pai, named = "P-Asserted-Identity: <sip:+4930777@", "From: <sip:+4930777@"
	for _, row := range []struct {
		name    string
		fields  []wire.Field
		profile profile.Profile
		want    [4]string // of both, the near, the far, neither: begins of lines that are there, and behind ! texts that are not
	}{
		{"asserted", []wire.Field{{Name: "P-Asserted-Identity", Value: "<sip:+4930777@192.0.2.1>"}}, asserting, [4]string{
			pai + " " + named, named + " !P-Asserted", "P-Asserted-Identity:_<sip:4711@ From:_<sip:4711@ !4930777", "From:_<sip:4711@ !4930777 !P-Asserted",
		}},
		{"withheld", []wire.Field{{Name: "P-Asserted-Identity", Value: "<sip:+4930777@192.0.2.1>"}, {Name: "Privacy", Value: "id"}}, asserting, [4]string{
			"Privacy:_id !4930777 !4711", "Privacy:_id !4930777 !4711", "Privacy:_id !4930777 !4711", "Privacy:_id !4930777 !4711",
		}},
		{"withheld inside the trust domain", []wire.Field{{Name: "P-Asserted-Identity", Value: "<sip:+4930777@192.0.2.1>"}, {Name: "Privacy", Value: "id"}}, keeping, [4]string{
			"Privacy:_id " + pai + " !4711", "Privacy:_id !4930777 !4711", "Privacy:_id P-Asserted-Identity:_<sip:4711@ !4930777", "Privacy:_id !4930777 !4711",
		}},
		{"preferred", []wire.Field{{Name: "P-Preferred-Identity", Value: "<sip:+4930777@192.0.2.1>"}}, asserting, [4]string{"!4930777", "!4930777", "!4930777", "!4930777"}},
		{"remote party", []wire.Field{{Name: "Remote-Party-ID", Value: "<sip:+4930777@192.0.2.1>;party=calling"}}, asserting, [4]string{"!4930777", "!4930777", "!4930777", "!4930777"}},
		{"forwarded", []wire.Field{{Name: "Diversion", Value: "<sip:+4930777@192.0.2.1>;reason=user-busy"}}, asserting, [4]string{
			"Diversion:_<sip:+4930777@", "!4930777", "!4930777", "!4930777",
		}},
		{"forwarded, as history", []wire.Field{{Name: "History-Info", Value: "<sip:+4930777@192.0.2.1?Reason=SIP%3Bcause%3D302>;index=1"}}, asserting, [4]string{"!4930777", "!4930777", "!4930777", "!4930777"}},
		{"priority", []wire.Field{{Name: "Resource-Priority", Value: "ets.0"}}, asserting, [4]string{"!ets.0", "!ets.0", "!ets.0", "!ets.0"}},
		{"charging", []wire.Field{{Name: "P-Charging-Vector", Value: "icid-value=4930777"}}, asserting, [4]string{"!4930777", "!4930777", "!4930777", "!4930777"}},
		{"access network", []wire.Field{{Name: "P-Access-Network-Info", Value: "4930777"}}, asserting, [4]string{"!4930777", "!4930777", "!4930777", "!4930777"}},
		{"own header", []wire.Field{{Name: "X-Account", Value: "4930777"}}, asserting, [4]string{"!4930777", "!4930777", "!4930777", "!4930777"}},
	} {
		for i, trusted := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
			name := row.name + map[bool]string{true: ", trusted", false: ", not trusted"}[trusted[0]] + map[bool]string{true: " to trusted", false: " to not trusted"}[trusted[1]]
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, func(c *Config) {
						for k := range 2 {
							c.Trunks[k].Profile = &row.profile
							if !trusted[k] {
								c.Trunks[k].Profile = row.profile.Distrusted()
							}
						}
						c.Routes = func(route.Query) []route.Candidate { return []route.Candidate{{Trunk: "backup"}} }
					})
					defer w.close()
					m := w.peers["T"].call("+49401")
					m.Fields = append(m.Fields, row.fields...)
					m.ContentType, m.Body = sdpType, w.peers["T"].sdp("", false)
					w.peers["T"].send(m)
					synctest.Wait()
					got := last(t, w.peers["U"])
					got.Via, got.CallID, got.Body = nil, "", nil
					got.From.Params, got.Contact = nil, nil
					compare(t, string(got.Bytes()), row.want[i])
				})
			})
		}
	}
}

// compare looks for lines that begin so, and for texts behind ! that are nowhere; _ is a blank.
func compare(t *testing.T, text, want string) {
	t.Helper()
	for word := range strings.FieldsSeq(strings.ReplaceAll(want, ": <", ":_<")) {
		word = strings.ReplaceAll(word, "_", " ")
		switch absent, ok := strings.CutPrefix(word, "!"); {
		case ok && strings.Contains(text, absent):
			t.Errorf("%q is in\n%s", absent, text)
		case !ok && !strings.Contains("\r\n"+text, "\r\n"+word):
			t.Errorf("no line %q in\n%s", word, text)
		}
	}
}
