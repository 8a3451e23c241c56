package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClone: a clone says the same, and goes on saying it whatever becomes of the memory of the first.
func TestClone(t *testing.T) {
	text := []byte(`"A" <sip:u:p@example.com:5070;lr;transport=ws?h=v>;tag=1;x`)
	a, err := ParseAddr(string(text))
	if err != nil {
		t.Fatal(err)
	}
	own := a.Clone()
	if d := cmp.Diff(a, own); d != "" {
		t.Error(d)
	}
	clear(a.Params)
	clear(a.URI.Params)
	if own.String() != string(text) {
		t.Errorf("%s has become %s", text, own)
	}
	if (Addr{}).Clone().Params != nil {
		t.Error("a clone of nothing has parameters")
	}
}
