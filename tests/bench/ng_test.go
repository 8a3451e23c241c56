package main

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/tests/cputime"
)

func TestBencodeGoesBothWays(t *testing.T) {
	raw := bencode(map[string]any{"sdp": "v=0\r\n", "flags": []string{"a", "bc"}, "codec": map[string]any{"mask": []string{"all"}}})
	if d := cmp.Diff("d5:codecd4:maskl3:allee5:flagsl1:a2:bce3:sdp5:v=0\r\ne", string(raw)); d != "" {
		t.Error(d)
	}
	v, rest, err := bdecode(append(raw, "tail"...))
	want := map[string]any{"sdp": "v=0\r\n", "flags": []any{"a", "bc"}, "codec": map[string]any{"mask": []any{"all"}}}
	if d := cmp.Diff(any(want), v); d != "" || err != nil || string(rest) != "tail" {
		t.Errorf("%s %v %q", d, err, rest)
	}
}

func TestBrokenBencodeIsAnError(t *testing.T) {
	for _, raw := range []string{"", "5:abc", "d3:key", "li1", "x", "-1:a", "d", "dle1:ae"} {
		if v, _, err := bdecode([]byte(raw)); err == nil {
			t.Errorf("%q is read as %v", raw, v)
		}
	}
}

func TestTheCPUClockIsThisProcesss(t *testing.T) {
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	work := func() {
		for n := range 1_000_000 {
			_ = n * n
		}
	}
	var own time.Duration // of this thread: what else the machine does counts for neither clock
	for own < 50*time.Millisecond {
		own += cputime.Of(t, work)
	}
	after, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if spent := after - before; spent < own || spent > own+500*time.Millisecond {
		t.Errorf("%s of work cost %s", own, spent)
	}
}
