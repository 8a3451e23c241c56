package txn

import (
	"strings"
	"testing"
)

// TestCopiesAreNobodyElses: what is kept stays as it is until it is let go, whatever is kept and let go meanwhile.
func TestCopiesAreNobodyElses(t *testing.T) {
	var c copies
	held := map[string][]byte{}
	for i := range 1000 {
		text := strings.Repeat(string(rune('a'+i%26)), 1+i*37%5000)
		held[text] = c.keep([]byte(text))
		for text, b := range held {
			if string(b) != text {
				t.Fatalf("%d bytes of %c have become %.10q", len(text), text[0], b)
			}
			if len(held) > 100 {
				c.letGo(b)
				delete(held, text)
			}
		}
	}
	for _, b := range held {
		c.letGo(b)
	}
	if len(c.free) > mostCopies {
		t.Errorf("%d arrays are kept", len(c.free))
	}
	for _, b := range c.free {
		if cap(b) > largestCopy {
			t.Errorf("an array of %d bytes is kept", cap(b))
		}
	}
}

// TestCopiesAreUsedAgain: in step, nothing is made.
func TestCopiesAreUsedAgain(t *testing.T) {
	var c copies
	b := []byte(strings.Repeat("x", 900))
	c.letGo(c.keep(b))
	if n := testing.AllocsPerRun(100, func() { c.letGo(c.keep(b)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
