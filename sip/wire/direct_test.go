package wire

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameBothWays states that what is read directly is what the detour over the canonical form gives.
func sameBothWays(t *testing.T, raw []byte) {
	t.Helper()
	before := string(raw)
	m, ok := direct(raw)
	if !ok {
		return
	}
	odd, verdict := readOdd(raw, CanonOptions{})
	if odd == nil {
		t.Fatalf("%q\nis read as\n%+v\nbut owed %+v", raw, m, verdict)
	}
	if d := cmp.Diff(odd, m, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%q\nafter the detour and without it: %s", raw, d)
	}
	if string(raw) != before {
		t.Fatal("the input is changed")
	}
	clear(raw) // the message keeps nothing of it
	if d := cmp.Diff(odd, m, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%q is kept: %s", before, d)
	}
}

func FuzzDirect(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "torture", "*"))
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add(offer())
	f.Add([]byte(lookedAt))
	f.Add(answered("Contact: \"A, b\" <sip:a@b> , <sip:c@d>;q=1", "x-foo:  bar ", "Content-Length: 0"))
	f.Fuzz(func(t *testing.T, raw []byte) { sameBothWays(t, raw) })
}

// TestMostIsReadDirectly: the messages of every day need no detour, whatever their names' case and their blanks.
func TestMostIsReadDirectly(t *testing.T) {
	for _, raw := range [][]byte{
		offer(), invite(), answered(), invite("Subject: a  b", "Contact: \"A, b\" <sip:a@b> , <sip:c@d>;q=1"),
		[]byte(strings.NewReplacer("Content-Length", "l", "Call-ID:", "i:  ", "CSeq", "cseq").Replace(lookedAt)),
	} {
		if m, ok := direct(raw); !ok {
			t.Errorf("%q: %+v", raw, m)
		}
		sameBothWays(t, raw)
	}
}
