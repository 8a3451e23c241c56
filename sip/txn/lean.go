package txn

import "maps"

// leanLeast is how much a map has to have held before it is worth a copy. Chosen here.
const leanLeast = 4096

// Room is how much a map has held since it was made: a map of Go keeps its room for good, and what one flood has taken would never come back.
// The zero value is that of a new map.
type Room struct{ most int }

// Note is told of the size before anything is taken out.
func (r *Room) Note(size int) { r.most = max(r.most, size) }

// Lean is m, or a copy with less room where an eighth of what it once held is left.
func Lean[K comparable, V any](m map[K]V, r *Room) map[K]V {
	if r.most < leanLeast || len(m) > r.most/8 {
		return m
	}
	r.most = len(m)
	out := make(map[K]V, len(m))
	maps.Copy(out, m)
	return out
}
