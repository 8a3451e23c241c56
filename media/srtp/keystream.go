package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// wide is how many blocks of key stream are made at once: a processor that has AES works on so many side by side, in the time that two
// take one after the other. crypto/cipher does the same, but makes an object for each packet.
const wide = 8

// blocks is what is made at once.
type blocks [wide * aes.BlockSize]byte

// keystream is AES-128 in counter mode with one key.
type keystream struct {
	round  roundKeys
	narrow cipher.Block // where there is no instruction for AES: one block after the other
}

// roundKeys are those of AES-128 (FIPS 197 section 5.2).
type roundKeys [11 * aes.BlockSize]byte

func newKeystream(key []byte) (k keystream, err error) {
	if hasAES {
		expand(&k.round, (*[KeySize]byte)(key))
		return k, nil
	}
	k.narrow, err = aes.NewCipher(key)
	return k, err
}

// apply encrypts or decrypts b from s.iv on, whose last two bytes count (RFC 3711 section 4.1.1).
func (k *keystream) apply(s *Scratch, b []byte) {
	for n := uint16(0); len(b) > 0; n += wide {
		for i := range uint16(wide) {
			at := s.blocks[i*aes.BlockSize:][:aes.BlockSize]
			copy(at, s.iv[:])
			binary.BigEndian.PutUint16(at[saltCM:], n+i)
		}
		k.encrypt(&s.blocks, len(b))
		b = b[subtle.XORBytes(b, b, s.blocks[:]):]
	}
}

// encrypt encrypts the blocks that n bytes need, or all.
func (k *keystream) encrypt(b *blocks, n int) {
	if hasAES {
		encrypt(&k.round, b)
		return
	}
	k.oneByOne(b, n)
}

func (k *keystream) oneByOne(b *blocks, n int) {
	for at := 0; at < min(n, len(b)); at += aes.BlockSize {
		k.narrow.Encrypt(b[at:], b[at:])
	}
}
