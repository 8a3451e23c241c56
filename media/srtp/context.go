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
	before  map[uint32]int64 // the highest indices of sources in doubt
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
	if src.doubt {
		return c.openDoubtful(s, b, start, src)
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

// Follow makes the context take over from another one, whose sources are in doubt then: a new key does not reset their roll-over counters
// (RFC 3711 section 3.3.1), but many a sender does. Each source is understood either way until its first packet has told.
func (c *Context) Follow(was *Context) {
	clear(c.before)
	for i := range c.media.all {
		c.media.all[i].doubt = false
	}
	for i := range was.media.all {
		src := was.media.all[i]
		top := src.top
		if src.doubt {
			top = max(top, was.before[src.ssrc])
		}
		c.suspect(src.ssrc, top)
	}
}

// suspect puts a source in doubt that has come as far as top elsewhere, if it had not come as far here.
func (c *Context) suspect(ssrc uint32, top int64) {
	src := c.media.find(ssrc)
	if src == nil {
		c.media.keep(source{ssrc: ssrc})
		src = c.media.find(ssrc)
	}
	if src.started && top <= src.top {
		return
	}
	if c.before == nil {
		c.before = make(map[uint32]int64)
	}
	src.doubt, c.before[ssrc] = true, top
}

// openDoubtful opens a packet of a source in doubt: with the index that is expected under this key, or the one that it would have if the
// source had never changed keys.
func (c *Context) openDoubtful(s *Scratch, b []byte, start int, src *source) ([]byte, error) {
	elsewhere := source{started: true, top: c.before[src.ssrc]}
	seq, err := binary.BigEndian.Uint16(b[seqAt:]), ErrReplay
	s.spare = append(s.spare[:0], b...)
	tried := int64(-1)
	for _, index := range [...]int64{src.index(seq), elsewhere.index(seq)} {
		if index > lastIndex || index == tried || !src.fresh(index) {
			continue
		}
		end, ok := c.open(s, b, start, src.ssrc, index)
		if ok {
			src.note(index)
			src.doubt = false
			delete(c.before, src.ssrc)
			return b[:end], nil
		}
		copy(b, s.spare)
		tried, err = index, ErrAuth
	}
	return nil, err
}
