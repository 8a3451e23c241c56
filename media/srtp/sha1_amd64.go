package srtp

import (
	"crypto/sha1"

	"golang.org/x/sys/cpu"
)

// hasSHA tells whether the processor has the instructions of SHA-1, and those that feed them.
var hasSHA = cpu.X86.HasSSSE3 && cpu.X86.HasSSE41 && shaBit()

// shaBit is what CPUID says of SHA: leaf 7, EBX, bit 29.
func shaBit() bool { return extended()>>29&1 == 1 }

// extended is EBX of leaf 7 of CPUID; 0 where there is no such leaf.
func extended() uint32

// compress takes whole blocks of 64 bytes from p on into h. There must be one at least.
//
//go:noescape
func compress(h *[sha1.Size]byte, p *byte, blocks int)
