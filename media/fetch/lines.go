//go:build amd64 || arm64

package fetch

import "unsafe"

// lines fetches each line of a cache that lies in the n bytes at p.
//
//go:noescape
func lines(p unsafe.Pointer, n uintptr)
