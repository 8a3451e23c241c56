package config

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"drawbridge/policy/profile"
)

// profiled is a configuration with one trunk that has these lines.
func profiled(lines ...string) string {
	return "realms:\n  access: {media: {udp: 1}}\n  c: {listen: ['udp:203.0.113.9:5060']}\ntrunks:\n  t:\n    realm: c\n    targets: ['sip:198.51.100.7']\n    " +
		strings.Join(lines, "\n    ") + "\n"
}

func TestProfileLayers(t *testing.T) {
	s := mustParse(t, profiled("profile: sipconnect2", "profile_settings:", "  id.out: rpid", "  num.in: [{match: '0([1-9].*)', to: '+49$1'}]"))
	p := s.Trunks["t"].Peer()
	if p.Identity.IDIn != "pai" || p.Identity.IDOut != "rpid" || p.Identity.CLIROut != "privacy" {
		t.Errorf("settings over sipconnect2 over generic: %+v", p.Identity)
	}
	if got := p.NumberIn("030231250"); got != "+4930231250" {
		t.Errorf("number %s", got)
	}
	s = mustParse(t, profiled("profile: sipconnect2"), "DRAWBRIDGE_TRUNKS_T_PROFILE_SETTINGS_ID_OUT=ppi")
	if got := s.Trunks["t"].Peer().Identity; got.IDOut != "ppi" || got.IDIn != "pai" {
		t.Errorf("a variable over sipconnect2: %+v", got)
	}
	if got := mustParse(t, profiled("ptime: 30")).Trunks["t"]; got.Profile != "generic" || got.Rel100 != "off" {
		t.Errorf("a trunk without profile: %s %s", got.Profile, got.Rel100)
	}
}

// TestProfileGivesDefaults: what the trunk writes out wins over its profile, that over the realm.
func TestProfileGivesDefaults(t *testing.T) {
	settings := "profile_settings: {rel100: supported, dtmf: info, srtp: sdes, media.ptime: 30, codec.allow: [PCMU], refer: reject, redirect: map, precond: true, reroute.next: [480]}"
	got := mustParse(t, profiled(settings, "dtmf: inband")).Trunks["t"]
	if got.Rel100 != "supported" || got.DTMF != "inband" || got.SRTP != "sdes" || got.Ptime != 30 || !slices.Equal(got.Codecs, []string{"PCMU"}) ||
		!slices.Equal(got.Reroute.Next, []int{480}) || got.Refer != "reject" || got.Redirect != "map" || !got.Preconditions {
		t.Errorf("%+v", got)
	}
}

func TestProfileMistakes(t *testing.T) {
	for _, row := range []struct{ lines, want string }{
		{"profile: sipconect2", `F:8:14: there is no profile "sipconect2", did you mean sipconnect2?; there are `},
		{"profile: ../config", `F:8:14: there is no profile "../config"; there are `},
		{"profile_settings: {id.outt: pai}", "F:8:24: unknown field id.outt, did you mean id.out?"},
		{"profile_settings: {base: generic}", "F:8:24: unknown field base"},
		{"profile_settings: {id.out: pia}", `F:8:32: "pia" is none of from, pai, ppi, rpid`},
		{"profile_settings: {num.in: [{match: '0(', to: x}]}", "F:8:33: num.in: the pattern is no regular expression"},
		{"profile_settings: {num.out: [{match: '1', to: '+1'}, {match: '2', to: 'a@b'}]}", "num.out: a row gives a number, a name or a URN"},
		{"profile_settings: {hdr.pass: [Via]}", `F:8:35: hdr.pass: "Via": no header that may be named here`},
		{"profile_settings: {hdr.pass: [P-Asserted-Identity]}", `F:8:35: hdr.pass: "P-Asserted-Identity": no header`},
		{"profile_settings: {cause.in: [{status: 200, as: 404}]}", "cause.in: a row of a cause table needs status"},
		{"profile_settings: {timer.se: 60}", "F:8:34: timer.se: an interval is 0, or 90 to 86400 seconds"},
		{"profile_settings: {id.no_screening: true}", "F:8:41: id.no_screening: needs id.number"},
		{"profile_settings: {contact.host: 'a b'}", "F:8:38: contact.host: no host name"},
		{"profile_settings: {hdr.pcv: 'a;b'}", "F:8:33: hdr.pcv: no host name"},
		{"profile_settings: {contact.user: 'a@b'}", "F:8:38: contact.user: no user part"},
		{"profile_settings: {reroute.next: [180]}", "reroute.next: 180: out of range"},
		{"profile_settings: {rel100: maybe}", `"maybe" is none of off, supported, required`},
	} {
		_, err := Parse("F", []byte(profiled(row.lines)), nil)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s\n got %v\nwant %s", row.lines, err, row.want)
		}
	}
}

// TestShippedProfiles: each decodes, names only switches that there are, and checks.
func TestShippedProfiles(t *testing.T) {
	for _, name := range profileNames(shipped) {
		layers, err := layersOf(shipped, name)
		if err != nil {
			t.Error(err)
			continue
		}
		p, err := lay(layers)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, problem := range p.Check() {
			t.Errorf("%s: %s: %v", name, problem.Key, problem.Err)
		}
	}
}

func TestBrokenProfiles(t *testing.T) {
	files := fstest.MapFS{
		"profiles/generic.yaml": {Data: []byte("id.out: from\n")},
		"profiles/a.yaml":       {Data: []byte("base: b\n")}, "profiles/b.yaml": {Data: []byte("base: a\n")},
		"profiles/unknown.yaml": {Data: []byte("base: generic\nid.ou: pai\n")},
		"profiles/word.yaml":    {Data: []byte("id.out: pia\n")},
		"profiles/lost.yaml":    {Data: []byte("base: genric\n")},
	}
	for name, want := range map[string]string{
		"a": "round in a circle", "unknown": "unknown field id.ou, did you mean id.out?", "word": `"pia" is none of`,
		"lost": `there is no profile "genric", did you mean generic?`,
	} {
		if _, err := layersOf(files, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestGenericIsEmpty: the words of generic are what the zero profile does, so a call without a profile and one with generic are the same.
func TestGenericIsEmpty(t *testing.T) {
	layers, err := layersOf(shipped, "generic")
	if err != nil {
		t.Fatal(err)
	}
	p, err := lay(layers)
	if err != nil {
		t.Fatal(err)
	}
	id := p.Identity
	words := map[string][2]string{
		"uri.user_phone": {id.UserPhone, "keep"}, "uri.user_params": {id.UserParams, "strip"}, "uri.tel": {id.Tel, "to_sip"}, "called.from": {id.CalledFrom, "ruri"},
		"id.in": {id.IDIn, "from"}, "id.out": {id.IDOut, "from"}, "clir.in": {id.CLIRIn, "privacy"}, "clir.out": {id.CLIROut, "privacy"},
		"div.in": {id.DivIn, "none"}, "div.out": {id.DivOut, "none"}, "stir": {id.STIR, "strip"}, "stir.verstat": {id.Verstat, "strip"}, "uui": {id.UUI, "drop"},
		"display": {id.Display, "keep"}, "hunt.on_6xx": {p.Call.On6xx, "stop"}, "timer": {p.Call.Timer, "on"}, "timer.method": {p.Call.TimerBy, "auto"},
		"timer.refresher": {p.Call.Refresher, "auto"}, "reason": {p.Cause.Reason, "pass"},
	}
	for key, w := range words {
		if w[0] != w[1] {
			t.Errorf("%s: %q, want %q", key, w[0], w[1])
		}
	}
	if d := cmp.Diff(profile.Media{}, p.Media); d != "" || p.Wire.CompactOut || p.Identity.CLIRKeep {
		t.Error("generic sets what the zero profile does not", d)
	}
}

// TestSwitchesAreDocumented: docs/profiles.md has every switch.
func TestSwitchesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	names := fields(reflect.TypeFor[profile.Profile]())
	if len(names) < 40 {
		t.Fatalf("%d switches: the walk is broken", len(names))
	}
	for _, f := range names {
		if !strings.Contains(string(doc), "`"+f.name+"`") {
			t.Errorf("docs/profiles.md does not say what %s does", f.name)
		}
	}
}
