package srtp

import (
	"crypto/aes"
	"encoding/binary"
)

// Scratch is working space. One serves all contexts of a goroutine.
type Scratch struct {
	macSpace
	iv     [aes.BlockSize]byte
	blocks blocks   // of the key stream
	aad    [16]byte // RTCP's, for GCM
	spare  []byte   // a packet as it came: an attempt to open it may spoil it
}

// NewScratch makes working space.
func NewScratch() *Scratch {
	s := &Scratch{}
	s.init()
	return s
}

// counter sets s.iv for a packet of AES_CM: the salt, the source and the index (RFC 3711 section 4.1.1).
func (s *Scratch) counter(salt *[saltCM]byte, ssrc uint32, index int64) {
	copy(s.iv[:], salt[:])
	xor32(s.iv[4:], ssrc)
	xor32(s.iv[8:], uint32(index>>16))
	s.iv[12] ^= byte(index >> 8)
	s.iv[13] ^= byte(index)
}

// nonce sets s.iv for a packet of GCM: two zero bytes, the source and the 48 bits of the index, and the salt (RFC 7714 section 8.1; 9.1
// for RTCP, whose index has 31).
func (s *Scratch) nonce(salt *[saltCM]byte, ssrc uint32, index int64) []byte {
	n := s.iv[:saltGCM]
	copy(n, salt[:])
	xor32(n[2:], ssrc)
	xor32(n[6:], uint32(index>>16))
	n[10] ^= byte(index >> 8)
	n[11] ^= byte(index)
	return n
}

func xor32(b []byte, v uint32) { binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)^v) }
