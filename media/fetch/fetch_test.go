package fetch

import "testing"

// Whatever is fetched, from the first byte of memory to the last, nothing happens to it.
func TestNothingHappens(t *testing.T) {
	Value[int](nil)
	Part[int](nil, 4, 8)
	lines(nil, 1<<12)
	b := new([1000]byte)
	b[999] = 7
	Value(b)
	Value(&b[999])
	Part(b, 0, 1000)
	Part(b, 999, 1000)
	if b[999] != 7 {
		t.Error("changed")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	b := new([1000]byte)
	if n := testing.AllocsPerRun(100, func() { Value(b) }); n != 0 {
		t.Error(n)
	}
}
