package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t *testing.T, text string, env ...string) *Snapshot {
	t.Helper()
	snap, err := Parse("F", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func TestDefaults(t *testing.T) {
	s := mustParse(t, "")
	if r, ok := s.Realms["access"]; !ok || !r.Browsers() || *r.Media.UDP != 40000 || !r.Media.Bind.Auto {
		t.Errorf("realms %+v", s.Realms)
	}
	if s.Drain.Timeout != 30*time.Second || s.Limits.Calls != 10_000 || s.CDR.File != "-" || s.Admin.Listen != "127.0.0.1:9080" {
		t.Errorf("%+v", s.Config)
	}
	s = mustParse(t, string(read(t, "testdata/typical.good.yaml")), testEnv...)
	if got := s.Trunks["acme"].Codecs; !cmp.Equal(got, []string{"PCMA"}) {
		t.Errorf("codecs %v", got)
	}
	if got := s.Realms["carrier"].Media.Bind.Addr.String(); got != "203.0.113.9" {
		t.Errorf("media is where SIP is: %s", got)
	}
	s = mustParse(t, "realms: {access: {media: {udp: 1}}, c: {listen: ['udp:203.0.113.9:5060']}}\n"+
		"trunks: {t: {realm: c, targets: ['sip:198.51.100.7:5070']}}")
	if got := fmt.Sprint(s.Trunks["t"].Sources); got != "[{[198.51.100.7/32]}]" {
		t.Errorf("sources come from the targets: %s", got)
	}
}

func TestEnvironment(t *testing.T) {
	s := mustParse(t, "realms:\n  my-realm: {media: {udp: 1}}\nweb: {realm: my-realm}\nusers: {local: [{name: a, password: x}]}\n",
		"DRAWBRIDGE_LIMITS_CALLS=7",
		"DRAWBRIDGE_WEB_PLAIN=127.0.0.1:1, [::1]:2",
		`DRAWBRIDGE_WEB_ORIGINS=["https://a.example"]`,
		"DRAWBRIDGE_WEB_ALLOW_NO_ORIGIN=true",
		"DRAWBRIDGE_REALMS_MY_REALM_MEDIA_ALLOW_LOOPBACK=true",
		"DRAWBRIDGE_REALMS_MY_REALM_MEDIA_UDP=4711",
		"DRAWBRIDGE_USERS_LOCAL_0_PASSWORD={not: yaml}",
		"DRAWBRIDGE_DRAIN_TIMEOUT=3s",
		"DRAWBRIDGE_CORPORA=/somewhere",
		"HOME=/root")
	r := s.Realms["my-realm"]
	if s.Limits.Calls != 7 || len(s.Web.Plain) != 2 || s.Web.Plain[1] != "[::1]:2" || !s.Web.AllowNoOrigin || s.Drain.Timeout != 3*time.Second ||
		!r.Media.AllowLoopback || *r.Media.UDP != 4711 || s.Users.Local[0].Password.Reveal() != "{not: yaml}" {
		t.Errorf("%+v", s.Config)
	}
	if d := cmp.Diff([]string{"environment variable DRAWBRIDGE_CORPORA names no setting"}, s.Warnings); d != "" {
		t.Error(d)
	}
}

func TestEnvironmentMakesWhatIsMissing(t *testing.T) {
	s := mustParse(t, "", "DRAWBRIDGE_REALMS_ACCESS_MEDIA_UDP=5")
	if *s.Realms["access"].Media.UDP != 5 {
		t.Errorf("%+v", s.Realms)
	}
}

func TestEnvironmentMistakesNameTheVariable(t *testing.T) {
	_, err := Parse("F", []byte("log: {level: loud}"), []string{"DRAWBRIDGE_LIMITS_CALLS=many", "DRAWBRIDGE_LOG_FORMAT=xml", "DRAWBRIDGE_LIMITS=3"})
	want := "F:1:14: \"loud\" is none of debug, info, warn, error\n" +
		"DRAWBRIDGE_LIMITS_CALLS: cannot construct !!str `many` into int\n" +
		"DRAWBRIDGE_LOG_FORMAT: \"xml\" is none of json, text"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "from file\n", 0o600)
	write("open", "x", 0o644)
	write("empty", "\n", 0o600)
	env := func(name string) (string, bool) { return "from env", name == "SET" }
	for _, c := range []struct{ ref, value, print, fault string }{
		{"plain", "plain", "***", ""},
		{"env:SET", "from env", "env:SET", ""},
		{"env:UNSET", "", "env:UNSET", "environment variable UNSET is not set"},
		{"file:good", "from file", "file:good", ""},
		{"file:open", "", "file:open", "secret file open is readable by everybody (mode 0644): chmod 600"},
		{"file:empty", "", "file:empty", "secret file empty is empty"},
		{"file:none", "", "file:none", "secret file none cannot be read"},
	} {
		var s Secret
		if err := s.UnmarshalText([]byte(c.ref)); err != nil {
			t.Fatal(err)
		}
		err := s.resolve(dir, env)
		if got := fmt.Sprint(err); (err == nil) != (c.fault == "") || (err != nil && got != c.fault) {
			t.Errorf("%s: %v, want %q", c.ref, err, c.fault)
		}
		if s.Reveal() != c.value || s.String() != c.print {
			t.Errorf("%s: value %q, prints %q", c.ref, s.Reveal(), s.String())
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	s := mustParse(t, "users: {local: [{name: a, password: hunter2}, {name: b, password: 'env:P'}]}\n"+
		"realms: {access: {media: {udp: 1}}, c: {listen: ['udp:203.0.113.9:5060']}}\n"+
		"trunks: {t: {realm: c, targets: ['sip:198.51.100.7'], auth: {user: u, password: marlin}}}", "P=swordfish")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", s.Config, "secret", s.Users.Local[0].Password)
	yaml, err := s.Print()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %x", s.Config, s.Users, s.Users, s.Users.Local[0].Password, s.Users.Local[1].Password,
		s.Users.Local[0].Password) + fmt.Sprintf("%+v %#v", s.Trunks, s.Trunks) + log.String() + string(yaml) + string(asJSON)
	for _, secret := range []string{"hunter2", "swordfish", "marlin", fmt.Sprintf("%x", "hunter2")} {
		if strings.Contains(all, secret) {
			t.Errorf("%s is printed in %s", secret, all)
		}
	}
	if !strings.Contains(string(yaml), "env:P") || !strings.Contains(string(yaml), blot) {
		t.Errorf("references stay, values are blotted: %s", yaml)
	}
}

func TestWhatIsPrintedLoadsAgain(t *testing.T) {
	for _, file := range corpus(t, "*.good.yaml") {
		first := mustParse(t, string(read(t, file)), testEnv...)
		out, err := first.Print()
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse("printed", out, testEnv)
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		again, err := second.Print()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(out), string(again)); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
}

func TestLoadReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.yaml")
	if err := os.WriteFile(path, []byte("users: {local: [{name: a, password: x}]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(s.Warnings, "\n"), "readable by everybody") {
		t.Errorf("warnings %q", s.Warnings)
	}
	if _, err := Load(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Parse("F", bytes.Repeat([]byte{'#'}, maxFile+1), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// Whose account names no realm hears of what that costs.
func TestAuthWithoutRealmIsWarnedOf(t *testing.T) {
	s := mustParse(t, `realms: {access: {media: {udp: 40000}}, carrier: {listen: ["udp:127.0.0.1:5060"]}}
trunks:
  a: {realm: carrier, targets: ["sip:192.0.2.1"]}
  b: {realm: carrier, targets: ["sip:192.0.2.2"], auth: {user: u, password: p}}
  c: {realm: carrier, targets: ["sip:192.0.2.3"], auth: {user: u, password: p, realm: carrier.example}}
`)
	if len(s.Warnings) != 1 || !strings.HasPrefix(s.Warnings[0], "F:4:51: without realm, challenges within calls") {
		t.Errorf("warnings %q", s.Warnings)
	}
}

// Keys in SDP are worth what the signalling is worth.
func TestKeysInClearAreWarnedOf(t *testing.T) {
	s := mustParse(t, strings.ReplaceAll(`realms:
  access: {media: {udp: 40000}}
  carrier: {listen: ["udp:127.0.0.1:5060", "tls:127.0.0.1:5061"], tls: {cert: DIR/cert.pem, key: DIR/key.pem}, srtp: optional}
trunks:
  a: {realm: carrier, srtp: rtp, targets: ["sip:192.0.2.1"]}
  b:
    realm: carrier
    srtp: sdes
    targets: ["sip:192.0.2.2;transport=tls", "sip:192.0.2.3"]
  c: {realm: carrier, targets: ["sip:192.0.2.4"]}
  d: {realm: carrier, srtp: dtls, targets: ["sip:192.0.2.5"]}
`, "DIR", certificate(t, t.TempDir())))
	var at []string
	for _, w := range s.Warnings {
		if place, _, ok := strings.Cut(w, ": srtp: "); ok {
			at = append(at, place)
		}
	}
	if d := cmp.Diff([]string{"F:9:46", "F:10:33"}, at); d != "" {
		t.Errorf("%s\n%s", d, strings.Join(s.Warnings, "\n"))
	}
	if s.Trunks["c"].SRTP != "optional" {
		t.Errorf("c has %q", s.Trunks["c"].SRTP)
	}
	_, err := Parse("F", []byte(`realms: {carrier: {listen: ["udp:127.0.0.1:5060"], srtp: yes}}
trunks: {a: {realm: carrier, srtp: sometimes, targets: ["sip:192.0.2.1"]}}
`), nil)
	for _, want := range []string{`F:1:58: "yes" is none of rtp`, `F:2:36: "sometimes" is none of rtp`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

// TestSchemaIsCommitted keeps drawbridge.schema.json equal to the types; -update rewrites it.
func TestSchemaIsCommitted(t *testing.T) {
	const file = "drawbridge.schema.json"
	got, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(string(read(t, file)), string(got)); d != "" {
		t.Errorf("go test ./config -update: %s", d)
	}
}

// TestEveryFieldIsNamedAndDescribed walks the types: a field without a yaml name or a doc tag would be invisible to operators.
func TestEveryFieldIsNamedAndDescribed(t *testing.T) {
	var walk func(at string, typ reflect.Type)
	walk = func(at string, typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map || typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if isScalar(typ) {
			return
		}
		for _, f := range fields(typ) {
			if f.name == "" || f.tag.Get("doc") == "" {
				t.Errorf("%s.%s: name %q, doc %q", at, typ.Name(), f.name, f.tag.Get("doc"))
			}
			walk(at+"."+f.name, f.typ)
		}
	}
	walk("", reflect.TypeFor[Config]())
}

// FuzzParse states that any file gives a valid configuration or a report of one-line problems, and that what loads prints without
// its secrets and loads again.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.good.yaml", "*.bad.yaml"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), "DRAWBRIDGE_WEB_REALM=access")
		}
	}
	f.Fuzz(func(t *testing.T, text, env string) {
		snap, err := Parse("F", []byte(text), []string{env, "ALICE_PASSWORD=secret"})
		if report, ok := errors.AsType[*Report](err); ok {
			if strings.Count(report.Error(), "\n") != len(report.Problems)-1 || strings.ContainsAny(report.Error(), "\r\x1b\x00") {
				t.Errorf("not one line a problem: %q", report.Error())
			}
			return
		}
		if err != nil {
			t.Fatalf("neither configuration nor report: %v", err)
		}
		if err := snap.Validate(); err != nil {
			t.Errorf("loaded, but not valid: %v", err)
		}
		if _, err := snap.Print(); err != nil {
			t.Errorf("cannot be printed: %v", err)
		}
	})
}

func TestPatience(t *testing.T) {
	s := mustParse(t, "realms: {access: {media: {udp: 1}}, c: {listen: ['udp:203.0.113.9:5060'], media: {inactivity: 2m}}}\n"+
		"trunks: {t: {realm: c, targets: ['sip:198.51.100.7']}, u: {realm: c, targets: ['sip:198.51.100.8'], media: {inactivity: off}}}")
	got := []Patience{s.Realms["access"].Media.Inactivity, s.Realms["c"].Media.Inactivity, s.Trunks["t"].Media.Inactivity, s.Trunks["u"].Media.Inactivity}
	want := []Patience{{Limit: time.Minute}, {Limit: 2 * time.Minute}, {Limit: 2 * time.Minute}, {Off: true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
