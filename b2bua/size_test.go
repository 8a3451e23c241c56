package b2bua

import (
	"testing"
	"unsafe"
)

// TestSizes: a held call is these, and the allocator hands out sizes in steps. Whoever adds a field that passes one sees here what it costs
// each call.
func TestSizes(t *testing.T) {
	rows := []struct {
		what      string
		size, max uintptr // a size of the allocator
	}{
		{"Call", unsafe.Sizeof(Call{}), 448},
		{"Setup", unsafe.Sizeof(Setup{}), 256},
		{"seat", unsafe.Sizeof(seat{}), 384},
		{"sipLeg", unsafe.Sizeof(sipLeg{}), 512},
		{"outbox", unsafe.Sizeof(outbox{}), 112},
		{"owner", unsafe.Sizeof(owner{}), 80},
	}
	for _, row := range rows {
		if row.size > row.max {
			t.Errorf("%s has %d bytes, more than %d", row.what, row.size, row.max)
		}
		t.Logf("%-8s %4d of %4d bytes", row.what, row.size, row.max)
	}
}
