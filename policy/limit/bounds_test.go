package limit

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func TestRoom(t *testing.T) {
	full := Bounds{Calls: 10, Bandwidth: 1000, Transcodes: 2}
	for _, tt := range []struct {
		name      string
		bounds    Bounds
		in, more  Use
		emergency bool
		want      What
	}{
		{"no limit", Bounds{}, Use{1 << 30, 1 << 40, 1 << 30}, Use{1, 1, 1}, false, ""},
		{"the last call", full, Use{Calls: 9}, Use{Calls: 1}, false, ""},
		{"one too many", full, Use{Calls: 10}, Use{Calls: 1}, false, Calls},
		{"the last bit", full, Use{Bandwidth: 900}, Use{Calls: 1, Bandwidth: 100}, false, ""},
		{"a bit too many", full, Use{Bandwidth: 900}, Use{Calls: 1, Bandwidth: 101}, false, Bandwidth},
		{"more bits alone, of a call that is in", full, Use{Calls: 11, Bandwidth: 1}, Use{Bandwidth: 1}, false, ""},
		{"transcodes", full, Use{Transcodes: 2}, Use{Transcodes: 1}, false, Transcodes},
		{"the reserve", Bounds{Calls: 100, Reserve: 5}, Use{Calls: 95}, Use{Calls: 1}, false, Calls},
		{"below the reserve", Bounds{Calls: 100, Reserve: 5}, Use{Calls: 94}, Use{Calls: 1}, false, ""},
		{"emergency in the reserve", Bounds{Calls: 100, Reserve: 5}, Use{Calls: 99}, Use{Calls: 1}, true, ""},
		{"emergency beyond it", Bounds{Calls: 100, Reserve: 5}, Use{Calls: 100}, Use{Calls: 1}, true, Calls},
		{"a reserve of less than one call", Bounds{Calls: 10, Reserve: 5}, Use{Calls: 9}, Use{Calls: 1}, false, ""},
		{"a reserve leaves one call", Bounds{Calls: 1, Reserve: 99}, Use{}, Use{Calls: 1}, false, ""},
	} {
		if got := tt.bounds.Room(tt.in, tt.more, tt.emergency); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSubNeverBelowZero(t *testing.T) {
	left, err := Use{Calls: 2, Bandwidth: 80}.Sub(Use{Calls: 1, Bandwidth: 80})
	if err != nil || left != (Use{Calls: 1}) {
		t.Errorf("%+v, %v", left, err)
	}
	left, err = Use{Calls: 1, Bandwidth: 80}.Sub(Use{Calls: 2})
	if !errors.Is(err, ErrBelowZero) || left != (Use{Bandwidth: 80}) {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestRule(t *testing.T) {
	for v, want := range map[Verdict]string{
		{What: Calls}:                    "limits/calls",
		{Scope: Trunk, What: Attempts}:   "limits/trunk/cps",
		{Scope: Realm, What: Bandwidth}:  "limits/realm/bandwidth",
		{Scope: Account, What: Calls}:    "limits/account/calls",
		{Scope: Number, What: Calls}:     "limits/number/calls",
		{What: Transcodes}:               "limits/transcodes",
		{Scope: Account, What: Attempts}: "limits/account/cps",
	} {
		if got := v.Rule(); got != want {
			t.Errorf("%+v: %s, want %s", v, got, want)
		}
	}
}

func TestRetryIsJittered(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, wait := range []time.Duration{0, time.Millisecond, 2 * time.Second, 9 * time.Second, time.Hour} {
		seen := map[int]bool{}
		for range 200 {
			n := Verdict{What: Calls, Wait: wait}.Retry(random.Float64())
			if n < 1 || n > 10 || n < 10 && time.Duration(n)*time.Second < wait {
				t.Fatalf("a wait of %v: %d s", wait, n)
			}
			seen[n] = true
		}
		if wait < 9*time.Second && len(seen) < 2 {
			t.Errorf("a wait of %v: always %v", wait, seen)
		}
	}
}

// What operators reckon with: 80 kbit/s for G.711 at 20 ms (RFC 3551, 40 bytes of headers).
func TestStreamRate(t *testing.T) {
	for _, tt := range []struct {
		codec  string
		ptime  int
		secure bool
		want   int
	}{
		{"PCMA", 20, false, 80_000}, {"PCMU", 0, false, 80_000}, {"PCMA", 10, false, 96_000}, {"G722", 20, true, 84_000},
		{"opus", 20, true, 60_000}, {"opus", 60, false, 45_333}, {"G729x", 20, false, 80_000},
	} {
		if got := StreamRate(tt.codec, tt.ptime, tt.secure); got != tt.want {
			t.Errorf("%s at %d ms, secure %v: %d, want %d", tt.codec, tt.ptime, tt.secure, got, tt.want)
		}
	}
}
