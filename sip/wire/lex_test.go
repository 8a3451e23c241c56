package wire

import (
	"strings"
	"testing"
)

// TestHasControl puts every byte at every place of strings around the eight bytes that are looked at together.
func TestHasControl(t *testing.T) {
	for length := range 20 {
		for _, around := range []string{"a", " ", "~", "\x80", "\xff"} {
			rest := strings.Repeat(around, length)
			if hasControl(rest) {
				t.Fatalf("%q", rest)
			}
			for at := range length {
				for c := range 256 {
					s := rest[:at] + string([]byte{byte(c)}) + rest[at+1:]
					if got, want := hasControl(s), c < ' ' || c == 0x7f; got != want {
						t.Fatalf("%q: %t", s, got)
					}
				}
			}
		}
	}
}
