package srtp

import (
	"crypto/aes"
	"crypto/sha1"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
)

// Scratch is working space. One serves all contexts of a goroutine.
type Scratch struct {
	sha    hash.Hash
	state  encoding.BinaryUnmarshaler // sha's
	saved  [stateSize]byte            // a state of sha as it is set
	iv     [aes.BlockSize]byte
	blocks blocks // of the key stream
	sum    [sha1.Size]byte
	aad    [16]byte
}

// A SHA-1 state in the form that crypto/sha1 takes: magic, five words, one block of input, length.
const (
	stateSize = 4 + sha1.Size + sha1.BlockSize + 8
	stateAt   = 4 // where the words are
)

// authState is HMAC-SHA1 with a key: the hash after the first block, inside and outside (RFC 2104 section 4). Setting it costs a block
// less each than beginning anew.
type authState struct{ inner, outer [sha1.Size]byte }

func newAuthState(key []byte) (a authState, err error) {
	for _, pad := range []struct {
		with byte
		to   *[sha1.Size]byte
	}{{0x36, &a.inner}, {0x5c, &a.outer}} {
		var first [sha1.BlockSize]byte
		copy(first[:], key)
		for i := range first {
			first[i] ^= pad.with
		}
		state, err := marshalled(first[:])
		if err != nil {
			return a, err
		}
		copy(pad.to[:], state[stateAt:])
	}
	return a, nil
}

// marshalled is the state of SHA-1 after one block.
func marshalled(block []byte) ([]byte, error) {
	h := sha1.New()
	_, _ = h.Write(block) // never fails
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil || len(state) != stateSize {
		return nil, fmt.Errorf("srtp: state of SHA-1 of %d bytes: %w", len(state), err)
	}
	return state, nil
}

// NewScratch makes working space.
func NewScratch() *Scratch {
	s := &Scratch{sha: sha1.New()}
	s.state = s.sha.(encoding.BinaryUnmarshaler)
	// All but the words is the same in every state after one block: newAuthState has seen that it can be made.
	if state, err := marshalled(make([]byte, sha1.BlockSize)); err == nil {
		copy(s.saved[:], state)
	}
	return s
}

// set puts sha into a state after one block.
func (s *Scratch) set(words *[sha1.Size]byte) {
	copy(s.saved[stateAt:], words[:])
	_ = s.state.UnmarshalBinary(s.saved[:]) // of its own making
}

// mac is HMAC-SHA1 of b and four bytes more; it is good until the next.
func (s *Scratch) mac(a *authState, b []byte, more uint32) []byte {
	s.set(&a.inner)
	_, _ = s.sha.Write(b) // never fails
	binary.BigEndian.PutUint32(s.aad[:], more)
	_, _ = s.sha.Write(s.aad[:4])
	inner := s.sha.Sum(s.sum[:0])
	s.set(&a.outer)
	_, _ = s.sha.Write(inner)
	return s.sha.Sum(s.sum[:0])
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
