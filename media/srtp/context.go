package srtp

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"unsafe"

	"drawbridge/media/fetch"
)

// Context is one direction.
type Context struct {
	rtp     half // what every packet needs comes first
	profile Profile
	media   sources
	reports sources // RTCP's
	rtcp    half
}

// Fetch brings what the next RTP packet needs nearer; it changes nothing. nil is nothing.
func (c *Context) Fetch() { fetch.Part(c, 0, unsafe.Offsetof(c.reports)) }

// Why a packet is refused.
var (
	ErrShort  = errors.New("srtp: too short")
	ErrReplay = errors.New("srtp: seen before, or too old")
	ErrAuth   = errors.New("srtp: authentication tag is wrong")
	ErrSpent  = errors.New("srtp: the key has been used up") // RFC 3711 section 9.2
)

// Where things are in a packet.
const (
	rtpHeader = 12
	seqAt     = 2
	ssrcAt    = 8
	lastIndex = 1<<48 - 1
)

// New makes a context from a master key and salt. Errors: ErrKey.
func New(p Profile, key, salt []byte) (*Context, error) {
	if p > GCM128 || len(key) != KeySize || len(salt) != p.SaltSize() {
		return nil, ErrKey
	}
	kdf, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	c := &Context{profile: p}
	return c, errors.Join(c.rtp.derive(p, kdf, salt, labelKey), c.rtcp.derive(p, kdf, salt, labelControl))
}

// Seal encrypts an RTP packet in place, whose payload begins at start, and appends the tag: b needs Profile.Overhead bytes of capacity
// behind it. Errors: ErrShort, ErrSpent.
func (c *Context) Seal(s *Scratch, b []byte, start int) ([]byte, error) {
	if start < rtpHeader || len(b) < start {
		return nil, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(b[ssrcAt:])
	src := c.media.find(ssrc)
	if src == nil {
		c.media.keep(source{ssrc: ssrc})
		src = c.media.find(ssrc)
	}
	index := src.index(binary.BigEndian.Uint16(b[seqAt:]))
	if index > lastIndex {
		return nil, ErrSpent
	}
	src.note(index)
	if c.profile == GCM128 {
		nonce := s.nonce(&c.rtp.salt, ssrc, index)
		return b[:start+len(c.rtp.aead.Seal(b[start:start], nonce, b[start:], b[:start]))], nil
	}
	s.counter(&c.rtp.salt, ssrc, index)
	c.rtp.stream.apply(s, b[start:])
	tag := s.mac(&c.rtp.auth, b, uint32(index>>16))
	return append(b, tag[:c.profile.MAC()]...), nil
}

// Open authenticates an RTP packet, whose payload begins at start, and decrypts it in place. A packet that is refused stays as it is, but
// for GCM, which leaves zeros. Errors: ErrShort, ErrReplay, ErrAuth.
func (c *Context) Open(s *Scratch, b []byte, start int) ([]byte, error) {
	if start < rtpHeader || len(b) < start+c.profile.Overhead() {
		return nil, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(b[ssrcAt:])
	src, fresh := c.media.find(ssrc), source{ssrc: ssrc}
	known := src != nil
	if !known {
		src = &fresh
	}
	index := src.index(binary.BigEndian.Uint16(b[seqAt:]))
	if index > lastIndex || !src.fresh(index) {
		return nil, ErrReplay
	}
	end, ok := c.open(s, b, start, ssrc, index)
	if !ok {
		return nil, ErrAuth
	}
	src.note(index)
	if !known {
		c.media.keep(*src)
	}
	return b[:end], nil
}

// open returns where the payload ends; false when the tag is wrong.
func (c *Context) open(s *Scratch, b []byte, start int, ssrc uint32, index int64) (end int, ok bool) {
	end = len(b) - c.profile.Overhead()
	if c.profile == GCM128 {
		_, err := c.rtp.aead.Open(b[start:start], s.nonce(&c.rtp.salt, ssrc, index), b[start:], b[:start])
		return end, err == nil
	}
	tag := s.mac(&c.rtp.auth, b[:end], uint32(index>>16))
	if subtle.ConstantTimeCompare(tag[:len(b)-end], b[end:]) != 1 {
		return 0, false
	}
	s.counter(&c.rtp.salt, ssrc, index)
	c.rtp.stream.apply(s, b[start:end])
	return end, true
}

// ROC is the roll-over counter of a source; 0 for one that is not known.
func (c *Context) ROC(ssrc uint32) uint32 {
	if src := c.media.find(ssrc); src != nil {
		return uint32(src.top >> 16)
	}
	return 0
}

// SetROC makes a source begin anew with a roll-over counter: what was seen of it was under another key.
func (c *Context) SetROC(ssrc, roc uint32) {
	anew := source{ssrc: ssrc, top: int64(roc) << 16}
	if src := c.media.find(ssrc); src != nil {
		*src = anew
		return
	}
	c.media.keep(anew)
}
