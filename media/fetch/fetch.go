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

// Fields fetches the fields of a struct from one to another, both included.
func Fields[A, B any](first *A, last *B) {
	lines(unsafe.Pointer(first), uintptr(unsafe.Pointer(last))+unsafe.Sizeof(*last)-uintptr(unsafe.Pointer(first)))
}
