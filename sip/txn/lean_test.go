package txn

import (
	"maps"
	"reflect"
	"testing"
)

// A map that has been large is copied when little is left of it, and then not again.
func TestLean(t *testing.T) {
	same := func(a, b map[int]int) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
	m, r := map[int]int{}, Room{}
	for i := range 2 * leanLeast {
		m[i] = i
	}
	r.Note(len(m))
	if !same(Lean(m, &r), m) {
		t.Error("a full map is copied")
	}
	maps.DeleteFunc(m, func(k, _ int) bool { return k >= leanLeast/8 })
	lean := Lean(m, &r)
	if same(lean, m) || !maps.Equal(lean, m) {
		t.Errorf("%d of %d entries, the same map: %v", len(lean), len(m), same(lean, m))
	}
	if !same(Lean(lean, &r), lean) {
		t.Error("a small map is copied again")
	}
}
