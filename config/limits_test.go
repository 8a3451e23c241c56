package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/policy/limit"
)

func TestLimits(t *testing.T) {
	s := mustParse(t, `limits: {calls: 100, cps: 10, burst: 20, bandwidth: 8M, account: {calls: 2}, number: {calls: 3}, emergency: {numbers: ["112"]}}
realms:
  access: {media: {udp: 40000}, limits: {calls: 50, source: 50/s, connection: 20, methods: {REGISTER: 10/m}}}
  carrier: {listen: ["udp:127.0.0.1:5060"]}
trunks:
  acme: {realm: carrier, targets: ["sip:192.0.2.1"], limits: {calls: 30, cps: 5/s, bandwidth: 512k}}
users: {local: [{name: alice, password: x, limits: {calls: 1}}, {name: bob, password: x}]}
`)
	if got, want := s.Limits.Bounds(), (limit.Bounds{Calls: 100, Rate: limit.PerSecond(10, 20), Bandwidth: 8_000_000}); got != want {
		t.Errorf("gateway %+v, want %+v", got, want)
	}
	if got, want := s.Trunks["acme"].Limits.Bounds(), (limit.Bounds{Calls: 30, Rate: limit.PerSecond(5, 5), Bandwidth: 512_000}); got != want {
		t.Errorf("trunk %+v, want %+v", got, want)
	}
	r := s.Realms["access"].Limits
	if r.Bounds() != (limit.Bounds{Calls: 50}) || r.Source.Rate != limit.PerSecond(50, 50) || r.Methods["REGISTER"].Every != 6*time.Second {
		t.Errorf("realm %+v", r)
	}
	if s.Limits.Emergency.Reserved() != 5 || s.Limits.Late.Limit != 50*time.Millisecond || s.Users.Local[1].Limits.Set() || s.Limits.Number.Calls != 3 {
		t.Errorf("%+v", s.Limits)
	}
	printed, err := s.Print()
	if err != nil {
		t.Fatal(err)
	}
	again := mustParse(t, string(printed))
	if d := cmp.Diff(s.Limits, again.Limits); d != "" {
		t.Errorf("printed and read again: %s", d)
	}
	if mustParse(t, "limits: {calls: 5}").Limits.Emergency.Reserved() != 0 {
		t.Error("a reserve for numbers that nobody has named")
	}
}

// A limit above what it is within can never be reached: the file says something that does not happen.
func TestChildAboveParentIsWarnedOf(t *testing.T) {
	s := mustParse(t, `limits:
  calls: 100
  cps: 10
  account: {calls: 101}
  number: {calls: 101}
realms:
  access: {media: {udp: 40000}}
  carrier:
    listen: ["udp:127.0.0.1:5060"]
    limits: {calls: 50, bandwidth: 1M}
trunks:
  a:
    realm: carrier
    targets: ["sip:192.0.2.1"]
    limits: {calls: 51, cps: 600/m}
  b: {realm: carrier, targets: ["sip:192.0.2.2"], limits: {calls: 50, bandwidth: 2M, cps: 11}}
users: {local: [{name: alice, password: x, limits: {calls: 200}}]}
`)
	var got []string
	for _, w := range s.Warnings {
		if strings.HasSuffix(w, "never reached") {
			got = append(got, w)
		}
	}
	want := []string{
		"F:15:21: 51 calls are more than the 50 of realm carrier: never reached",
		"F:16:91: 11 calls a second are more than the 10 of the gateway: never reached",
		"F:4:20: 101 calls are more than the 100 of the gateway: never reached",
		"F:17:60: 200 calls are more than the 100 of the gateway: never reached",
		"F:5:19: 101 calls are more than the gateway's 100: never reached",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// FuzzLimits: whatever is written as a rate or a bandwidth is refused, or means something, and reads the same when it is printed.
func FuzzLimits(f *testing.F) {
	for _, text := range []string{"10", "10/s", "100/m", "5/30s", "512k", "1.5M", "1e3G", "-1", "NaN", "10/0s", "0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r, again Rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			printed, _ := r.MarshalText()
			if err := again.UnmarshalText(printed); err != nil || again != r || !r.None() && (r.Every <= 0 || r.Burst < 1) {
				t.Errorf("%q is the rate %+v, printed %q, read again %+v (%v)", text, r, printed, again, err)
			}
		}
		var b, twice Bandwidth
		if err := b.UnmarshalText([]byte(text)); err == nil {
			printed, _ := b.MarshalText()
			if err := twice.UnmarshalText(printed); err != nil || twice != b || b.Bits < 0 {
				t.Errorf("%q is the bandwidth %+v, printed %q, read again %+v (%v)", text, b, printed, twice, err)
			}
		}
	})
}
