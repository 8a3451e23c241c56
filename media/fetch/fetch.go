// Package fetch brings memory into the processor's caches before it is needed. It reads nothing and waits for nothing: an address that is
// not mapped does no harm.
//
// One file holds the instruction of each processor; on others nothing happens.
package fetch

import "unsafe"

// Value fetches what p points to; nil is nothing.
func Value[T any](p *T) {
	if p != nil {
		lines(unsafe.Pointer(p), unsafe.Sizeof(*p))
	}
}

// Part fetches of what p points to the bytes from one offset to another; nil is nothing. The address of a field would not do: to take it of
// a pointer the compiler first reads what that points to, and the processor waits.
func Part[T any](p *T, from, to uintptr) {
	if p != nil {
		lines(unsafe.Add(unsafe.Pointer(p), from), to-from)
	}
}
