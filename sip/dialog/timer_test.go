package dialog

import (
	"strings"
	"testing"
	"time"

	"drawbridge/sip/wire"
	"github.com/google/go-cmp/cmp"
)

// with returns a message with the given header lines.
func with(lines ...string) *wire.Message {
	m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", Host: "h"})
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		m.Add(name, value)
	}
	return m
}

// headers are the lines of a message that speak of session timers.
func headers(fields []wire.Field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.Name+": "+f.Value)
	}
	return out
}

func TestTimerOffer(t *testing.T) {
	for _, tc := range []struct {
		name string
		wish SessionTimer
		want []string
	}{
		{"none, but the peer may have one", SessionTimer{}, []string{"Supported: timer"}},
		{"half an hour", SessionTimer{Interval: 1800 * time.Second}, []string{"Supported: timer", "Session-Expires: 1800", "Min-SE: 90"}},
		{"less than the RFC allows", SessionTimer{Interval: 10 * time.Second}, []string{"Supported: timer", "Session-Expires: 90", "Min-SE: 90"}},
		{"less than our own least", SessionTimer{Interval: 100 * time.Second, MinSE: 300 * time.Second},
			[]string{"Supported: timer", "Session-Expires: 300", "Min-SE: 300"}},
		{"a refresh of ours", SessionTimer{Interval: 1800 * time.Second, Refresher: Us},
			[]string{"Supported: timer", "Session-Expires: 1800;refresher=uac", "Min-SE: 90"}},
		{"a re-INVITE while the peer refreshes", SessionTimer{Interval: 1800 * time.Second, Refresher: Peer},
			[]string{"Supported: timer", "Session-Expires: 1800;refresher=uas", "Min-SE: 90"}},
	} {
		m := with()
		tc.wish.Offer(m)
		if diff := cmp.Diff(tc.want, headers(m.Fields)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
	m := with("Supported: path, timer", "Session-Expires: 5", "Min-SE: 5")
	SessionTimer{Interval: 200 * time.Second}.Offer(m)
	want := []string{"Supported: path, timer", "Session-Expires: 200", "Min-SE: 90"}
	if diff := cmp.Diff(want, headers(m.Fields)); diff != "" {
		t.Errorf("over older headers: %s", diff)
	}
}

// TestTimerAnswer is RFC 4028 section 9 with its table 2, and erratum 1687.
func TestTimerAnswer(t *testing.T) {
	const timer = "Supported: timer"
	half := SessionTimer{Interval: 1800 * time.Second}
	for _, tc := range []struct {
		name   string
		wish   SessionTimer
		req    []string
		want   SessionTimer
		fields []string
		status int
	}{
		{"nobody asks", SessionTimer{}, []string{timer}, SessionTimer{}, nil, 0},
		{"nobody asks, nobody could", SessionTimer{}, nil, SessionTimer{}, nil, 0},
		{"we ask, the peer can", half, []string{timer}, SessionTimer{1800 * time.Second, 0, Peer},
			[]string{"Session-Expires: 1800;refresher=uac", "Require: timer"}, 0},
		{"we ask, the peer cannot", half, nil, SessionTimer{1800 * time.Second, 0, Us}, []string{"Session-Expires: 1800;refresher=uas"}, 0},
		{"we ask for less than the peer's least", half, []string{timer, "Min-SE: 3600"}, SessionTimer{3600 * time.Second, 0, Peer},
			[]string{"Session-Expires: 3600;refresher=uac", "Require: timer"}, 0},
		{"the peer asks", SessionTimer{}, []string{timer, "Session-Expires: 600"}, SessionTimer{600 * time.Second, 0, Peer},
			[]string{"Session-Expires: 600;refresher=uac", "Require: timer"}, 0},
		{"the peer requires it", SessionTimer{}, []string{"Require: timer", "Session-Expires: 600"}, SessionTimer{600 * time.Second, 0, Peer},
			[]string{"Session-Expires: 600;refresher=uac", "Require: timer"}, 0},
		{"the peer would refresh", half, []string{timer, "Session-Expires: 600;refresher=uac"}, SessionTimer{600 * time.Second, 0, Peer},
			[]string{"Session-Expires: 600;refresher=uac", "Require: timer"}, 0},
		{"the peer wants us to", half, []string{timer, "Session-Expires: 600;x=y;Refresher=UAS"}, SessionTimer{600 * time.Second, 0, Us},
			[]string{"Session-Expires: 600;refresher=uas"}, 0},
		{"a proxy asks for a peer that cannot", half, []string{"Session-Expires: 600"}, SessionTimer{600 * time.Second, 0, Us},
			[]string{"Session-Expires: 600;refresher=uas"}, 0},
		{"and names it", half, []string{"Session-Expires: 600;refresher=uac"}, SessionTimer{600 * time.Second, 0, Us},
			[]string{"Session-Expires: 600;refresher=uas"}, 0},
		{"the peer asks for more than we", half, []string{timer, "Session-Expires: 7200"}, SessionTimer{1800 * time.Second, 0, Peer},
			[]string{"Session-Expires: 1800;refresher=uac", "Require: timer"}, 0},
		{"but not for less than its least", half, []string{timer, "Session-Expires: 7200", "Min-SE: 3600"},
			SessionTimer{3600 * time.Second, 0, Peer}, []string{"Session-Expires: 3600;refresher=uac", "Require: timer"}, 0},
		{"a least above the interval lengthens nothing", half, []string{timer, "Session-Expires: 600", "Min-SE: 900"},
			SessionTimer{600 * time.Second, 0, Peer}, []string{"Session-Expires: 600;refresher=uac", "Require: timer"}, 0},
		{"90 s", half, []string{timer, "Session-Expires: 90"}, SessionTimer{90 * time.Second, 0, Peer},
			[]string{"Session-Expires: 90;refresher=uac", "Require: timer"}, 0},
		{"89 s", half, []string{timer, "Session-Expires: 89"}, SessionTimer{}, []string{"Min-SE: 90"}, 422},
		{"less than our own least", SessionTimer{MinSE: 300 * time.Second}, []string{timer, "Session-Expires: 299"}, SessionTimer{},
			[]string{"Min-SE: 300"}, 422},
		{"too little from a peer that would not know why", half, []string{"Session-Expires: 10"}, SessionTimer{90 * time.Second, 0, Us},
			[]string{"Session-Expires: 90;refresher=uas"}, 0},
		{"no number", half, []string{timer, "Session-Expires: soon"}, SessionTimer{}, nil, 400},
		{"nothing", half, []string{timer, "Session-Expires: "}, SessionTimer{}, nil, 400},
		{"zero", half, []string{timer, "Session-Expires: 0"}, SessionTimer{}, nil, 400},
		{"a sign", half, []string{timer, "Session-Expires: +90"}, SessionTimer{}, nil, 400},
		{"2^31", half, []string{timer, "Session-Expires: 2147483648"}, SessionTimer{}, nil, 400},
		{"an unknown refresher", half, []string{timer, "Session-Expires: 90;refresher=me"}, SessionTimer{}, nil, 400},
		{"a malformed least", half, []string{timer, "Min-SE: x"}, SessionTimer{}, nil, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, fields, status := tc.wish.Answer(with(tc.req...))
			tc.want.MinSE = got.MinSE // carried along, looked at below
			if status != tc.status || got != tc.want {
				t.Errorf("%+v %d, want %+v %d", got, status, tc.want, tc.status)
			}
			if status == 0 && got.MinSE != tc.wish.MinSE {
				t.Errorf("our least became %v", got.MinSE)
			}
			if diff := cmp.Diff(tc.fields, headers(fields)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTimerLearn is RFC 4028 section 7.2.
func TestTimerLearn(t *testing.T) {
	for value, want := range map[string]SessionTimer{
		"":                     {},
		"1800;refresher=uac":   {Interval: 1800 * time.Second, Refresher: Us},
		"1800;refresher=uas":   {Interval: 1800 * time.Second, Refresher: Peer},
		"1800":                 {Interval: 1800 * time.Second, Refresher: Us}, // against the RFC: somebody has to
		"1;refresher=uac":      {Interval: 90 * time.Second, Refresher: Us},   // no peer makes us refresh every second
		"soon;refresher=uac":   {},
		"1800;refresher=proxy": {},
	} {
		m := with()
		if value != "" {
			m.Add("Session-Expires", value)
		}
		wish := SessionTimer{Interval: 600 * time.Second, MinSE: 100 * time.Second}
		want.MinSE = wish.MinSE
		if got := wish.Learn(m); got != want {
			t.Errorf("%q: %+v, want %+v", value, got, want)
		}
	}
}

// TestTimerRaise is RFC 4028 section 7.3: one more try with what the 422 asks for, if it asks for anything.
func TestTimerRaise(t *testing.T) {
	wish := SessionTimer{Interval: 600 * time.Second}
	for value, want := range map[string]time.Duration{"900": 900 * time.Second, "601": 601 * time.Second, "600": 0, "90": 0, "": 0, "x": 0} {
		m := with()
		if value != "" {
			m.Add("Min-SE", value)
		}
		next, ok := wish.Raise(m)
		if ok != (want != 0) {
			t.Errorf("Min-SE %q: %v", value, ok)
		}
		if ok && (next.Interval != want || next.MinSE != want) {
			t.Errorf("Min-SE %q: %+v", value, next)
		}
		if _, again := next.Raise(m); again {
			t.Errorf("Min-SE %q raises for ever", value)
		}
	}
}

// TestTimerMoments is RFC 4028 section 10.
func TestTimerMoments(t *testing.T) {
	for interval, want := range map[time.Duration][2]time.Duration{
		90 * time.Second:   {45 * time.Second, 60 * time.Second},    // a third is less than 32 s
		96 * time.Second:   {48 * time.Second, 64 * time.Second},    // the same either way
		1800 * time.Second: {900 * time.Second, 1768 * time.Second}, // 32 s before the end
	} {
		timer := SessionTimer{Interval: interval}
		if got := [2]time.Duration{timer.RefreshAfter(), timer.ExpireAfter()}; got != want {
			t.Errorf("%v: %v, want %v", interval, got, want)
		}
	}
}
