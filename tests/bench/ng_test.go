package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
