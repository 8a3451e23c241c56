package srtp

import "golang.org/x/sys/cpu"

// hasAES tells whether the processor has AES-NI. Its instructions take the same time whatever the key.
var hasAES = cpu.X86.HasAES && cpu.X86.HasSSE41

// expand makes the round keys of a key.
//
//go:noescape
func expand(round *roundKeys, key *[KeySize]byte)

// encrypt encrypts each block.
//
//go:noescape
func encrypt(round *roundKeys, b *blocks)
