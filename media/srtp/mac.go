package srtp

import (
	"crypto/sha1"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
)

// macSpace is where HMAC-SHA1 is made. crypto/sha1 copies a state about with every step: for a packet, a third of what its blocks take.
type macSpace struct {
	sum  [sha1.Size]byte
	more [4]byte
	tail [2 * sha1.BlockSize]byte // the end of a message, padded
	last [sha1.BlockSize]byte     // what is hashed outside: sum, and padding that stays as it is

	// For a processor without SHA-1.
	sha   hash.Hash
	state encoding.BinaryUnmarshaler // sha's
	saved [stateSize]byte            // a state of sha as it is set
}

// A SHA-1 state in the form that crypto/sha1 takes: magic, five words, one block of input, length.
const (
	stateSize = 4 + sha1.Size + sha1.BlockSize + 8
	stateAt   = 4 // where the words are
)

func (s *macSpace) init() {
	s.sha = sha1.New()
	s.state = s.sha.(encoding.BinaryUnmarshaler)
	// All but the words is the same in every state after one block: newAuthState has seen that it can be made.
	if state, err := marshalled(make([]byte, sha1.BlockSize)); err == nil {
		copy(s.saved[:], state)
	}
	pad(s.last[:], sha1.Size, sha1.Size)
}

// authState is HMAC-SHA1 with a key: the hash after the first block, inside and outside (RFC 2104 section 4). Setting it costs a block
// less each than beginning anew.
type authState struct{ inner, outer [sha1.Size]byte }

func newAuthState(key []byte) (a authState, err error) {
	for _, side := range []struct {
		with byte
		to   *[sha1.Size]byte
	}{{0x36, &a.inner}, {0x5c, &a.outer}} {
		var first [sha1.BlockSize]byte
		copy(first[:], key)
		for i := range first {
			first[i] ^= side.with
		}
		state, err := marshalled(first[:])
		if err != nil {
			return a, err
		}
		copy(side.to[:], state[stateAt:])
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

// mac is HMAC-SHA1 of b and four bytes more; it is good until the next.
func (s *macSpace) mac(a *authState, b []byte, more uint32) []byte {
	if hasSHA {
		return s.byProcessor(a, b, more)
	}
	return s.byLibrary(a, b, more)
}

func (s *macSpace) byProcessor(a *authState, b []byte, more uint32) []byte {
	h := a.inner
	whole := len(b) / sha1.BlockSize
	if whole > 0 {
		compress(&h, &b[0], whole)
	}
	n := copy(s.tail[:], b[whole*sha1.BlockSize:])
	binary.BigEndian.PutUint32(s.tail[n:], more)
	compress(&h, &s.tail[0], pad(s.tail[:], n+len(s.more), len(b)+len(s.more)))

	copy(s.last[:], h[:])
	s.sum = a.outer
	compress(&s.sum, &s.last[0], 1)
	return s.sum[:]
}

// pad ends a message of which the last n bytes stand in b, and of which there are total behind the block of the key (FIPS 180-4 section
// 5.1.1). It returns how many blocks b holds then.
func pad(b []byte, n, total int) (blocks int) {
	blocks = 1 + (n+8)/sha1.BlockSize
	length := blocks*sha1.BlockSize - 8
	b[n] = 0x80
	clear(b[n+1 : length])
	binary.BigEndian.PutUint64(b[length:], uint64(sha1.BlockSize+total)*8)
	return blocks
}

func (s *macSpace) byLibrary(a *authState, b []byte, more uint32) []byte {
	s.set(&a.inner)
	_, _ = s.sha.Write(b) // never fails
	binary.BigEndian.PutUint32(s.more[:], more)
	_, _ = s.sha.Write(s.more[:])
	inner := s.sha.Sum(s.sum[:0])
	s.set(&a.outer)
	_, _ = s.sha.Write(inner)
	return s.sha.Sum(s.sum[:0])
}

// set puts sha into a state after one block.
func (s *macSpace) set(words *[sha1.Size]byte) {
	copy(s.saved[stateAt:], words[:])
	_ = s.state.UnmarshalBinary(s.saved[:]) // of its own making
}
