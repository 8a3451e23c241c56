package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Profile is a pair of cipher and authentication.
type Profile uint8

const (
	AES80  Profile = iota // AES_CM_128_HMAC_SHA1_80
	AES32                 // AES_CM_128_HMAC_SHA1_32: RTCP has 80 bits all the same (RFC 4568 section 6.2)
	GCM128                // AEAD_AES_128_GCM
)

// Sizes in bytes.
const (
	KeySize = 16 // of every profile's master key

	saltCM   = 14 // RFC 3711 section 8.2
	saltGCM  = 12 // RFC 7714 section 12
	authKey  = 20 // RFC 3711 section 8.2: n_a
	tagGCM   = 16
	tagLong  = 10
	tagShort = 4
)

// SaltSize is the length of the master salt.
func (p Profile) SaltSize() int {
	if p == GCM128 {
		return saltGCM
	}
	return saltCM
}

// Overhead is what protection adds to an RTP packet; MAC is the part of it behind which no master key identifier may stand.
func (p Profile) Overhead() int {
	if p == GCM128 {
		return tagGCM
	}
	return p.MAC()
}

// MAC is the length of RTP's authentication tag; 0 where the cipher authenticates.
func (p Profile) MAC() int { return [...]int{AES80: tagLong, AES32: tagShort, GCM128: 0}[p] }

// ControlMAC is the length of RTCP's.
func (p Profile) ControlMAC() int { return [...]int{AES80: tagLong, AES32: tagLong, GCM128: 0}[p] }

// Labels of RFC 3711 section 4.3.2.
const (
	labelKey = iota
	labelAuth
	labelSalt
	labelControl // the same three for RTCP
)

// ErrKey: a master key or salt has the wrong length.
var ErrKey = errors.New("srtp: wrong length of a key")

// half is what either RTP or RTCP needs of the keys.
type half struct {
	salt   [saltCM]byte
	stream keystream // AES_CM
	auth   authState
	aead   cipher.AEAD // GCM
}

// derive makes the session keys of RTP (label 0) or RTCP (labelControl).
func (h *half) derive(p Profile, kdf cipher.Block, master []byte, label byte) error {
	key := prf(kdf, master, label+labelKey, KeySize)
	copy(h.salt[:], prf(kdf, master, label+labelSalt, p.SaltSize()))
	if p == GCM128 {
		block, err := aes.NewCipher(key)
		if err != nil {
			return fmt.Errorf("srtp: %w", err)
		}
		h.aead, err = cipher.NewGCM(block)
		return err
	}
	var err error
	if h.stream, err = newKeystream(key); err != nil {
		return fmt.Errorf("srtp: %w", err)
	}
	h.auth, err = newAuthState(prf(kdf, master, label+labelAuth, authKey))
	return err
}

// prf is AES_CM_PRF (RFC 3711 section 4.3.3) with a key derivation rate of 0. A shorter salt is padded on the right (RFC 7714 section 11).
func prf(kdf cipher.Block, salt []byte, label byte, n int) []byte {
	var iv [aes.BlockSize]byte
	copy(iv[:saltCM], salt)
	iv[7] ^= label
	out := make([]byte, 0, n+aes.BlockSize)
	for i := uint16(0); len(out) < n; i++ {
		binary.BigEndian.PutUint16(iv[saltCM:], i)
		out = append(out, iv[:]...)
		kdf.Encrypt(out[len(out)-aes.BlockSize:], out[len(out)-aes.BlockSize:])
	}
	return out[:n]
}
