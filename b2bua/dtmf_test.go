package b2bua

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRelay(t *testing.T) {
	const ms = time.Millisecond
	rows := []struct {
		body string
		want []digit
	}{
		{"Signal=5\r\nDuration=160\r\n", []digit{{'5', 160 * ms}}},
		{"Signal= 5\nDuration= 100", []digit{{'5', 100 * ms}}},
		{"signal=11", []digit{{'#', digitLength}}},
		{"Signal=10\r\n", []digit{{'*', digitLength}}},
		{"Signal=b\r\nDuration=1", []digit{{'B', minDigit}}},
		{"Signal=1\r\nDuration=65000", []digit{{'1', maxDigit}}},
		{"Signal=1\r\nDuration=-4", []digit{{'1', digitLength}}},
		{"Signal=12\r\n", nil},
		{"Signal=\r\n", nil},
		{"Duration=100", nil},
		{"", nil},
	}
	for _, row := range rows {
		if d := cmp.Diff(row.want, parseRelay(row.body), cmp.AllowUnexported(digit{})); d != "" {
			t.Errorf("%q: %s", row.body, d)
		}
	}
}

func TestParseDigits(t *testing.T) {
	for body, want := range map[string]int{"5": 1, "*0#\r\n": 3, "12x": 0, "": 0, strings.Repeat("1", 65): 0} {
		if got := len(parseDigits(body)); got != want {
			t.Errorf("%q: %d digits, want %d", body, got, want)
		}
	}
}

func TestParseInfo(t *testing.T) {
	for body, want := range map[string]string{
		"Signal=5\r\nDuration=160\r\n": "5", "5": "5", " 12#\r\n": "12#", "Signal=A": "A", "d": "D", "Signal=hf": "", "!": "", "": "", "\x00": "", "5\x006": "",
	} {
		got := ""
		for _, d := range parseInfo(body) {
			got += string(d.key)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

// TestInfoBody: what we write, we read.
func TestInfoBody(t *testing.T) {
	for _, way := range []DTMF{DTMFRelay, DTMFPlain} {
		for _, key := range []byte("0123456789*#ABCD") {
			for _, length := range []time.Duration{0, 1, 100 * time.Millisecond, time.Minute} {
				kind, body := way.body(digit{key, length})
				if got := parseInfo(string(body)); len(got) != 1 || got[0].key != key || kind != map[DTMF]string{DTMFRelay: "application/dtmf-relay", DTMFPlain: "application/dtmf"}[way] {
					t.Errorf("%c for %s: %s %q is %+v", key, length, kind, body, got)
				}
			}
		}
	}
}

// FuzzDigits: whatever an INFO says, what comes out are keys of a telephone and times in bounds.
func FuzzDigits(f *testing.F) {
	for _, s := range []string{"Signal=5\r\nDuration=160\r\n", "5", "*#0", "Signal=11", "=\n=", "Signal=\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, d := range slices.Concat(parseInfo(body), parseRelay(body), parseDigits(body)) {
			if keyOf(string(d.key)) != d.key || d.duration < minDigit || d.duration > maxDigit {
				t.Errorf("%q: %+v", body, d)
			}
		}
	})
}
