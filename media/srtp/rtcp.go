package srtp

import (
	"crypto/subtle"
	"encoding/binary"
)

const (
	rtcpHeader    = 8
	rtcpSSRCAt    = 4
	indexSize     = 4
	encryptedBit  = 1 << 31 // the E bit in front of the index
	lastRTCPIndex = 1<<31 - 1
)

// SealRTCP encrypts an RTCP packet in place and appends index and tag, up to 20 bytes. Errors: ErrShort, ErrSpent.
func (c *Context) SealRTCP(s *Scratch, b []byte) ([]byte, error) {
	if len(b) < rtcpHeader {
		return nil, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(b[rtcpSSRCAt:])
	src := c.reports.find(ssrc)
	if src == nil {
		c.reports.keep(source{ssrc: ssrc})
		src = c.reports.find(ssrc)
	}
	index := src.top + 1
	if index > lastRTCPIndex {
		return nil, ErrSpent
	}
	src.note(index)
	word := uint32(index) | encryptedBit
	if c.profile == GCM128 {
		sealed := c.rtcp.aead.Seal(b[rtcpHeader:rtcpHeader], s.nonce(&c.rtcp.salt, ssrc, index), b[rtcpHeader:], s.reportAAD(b, word))
		return binary.BigEndian.AppendUint32(b[:rtcpHeader+len(sealed)], word), nil
	}
	s.counter(&c.rtcp.salt, ssrc, index)
	c.rtcp.stream.apply(s, b[rtcpHeader:])
	tag := s.mac(&c.rtcp.auth, b, word)
	return append(binary.BigEndian.AppendUint32(b, word), tag[:c.profile.ControlMAC()]...), nil
}

// OpenRTCP authenticates an RTCP packet and decrypts it in place. One that is not encrypted is refused: nobody has agreed to
// that. Errors: ErrShort, ErrReplay, ErrAuth.
func (c *Context) OpenRTCP(s *Scratch, b []byte) ([]byte, error) {
	behind := indexSize + c.profile.ControlMAC()
	least := rtcpHeader + behind
	if c.profile == GCM128 {
		least += tagGCM
	}
	if len(b) < least {
		return nil, ErrShort
	}
	ssrc, word := binary.BigEndian.Uint32(b[rtcpSSRCAt:]), binary.BigEndian.Uint32(b[len(b)-behind:])
	index := int64(word &^ encryptedBit)
	if word&encryptedBit == 0 {
		return nil, ErrAuth
	}
	src, fresh := c.reports.find(ssrc), source{ssrc: ssrc}
	known := src != nil
	if !known {
		src = &fresh
	}
	if !src.fresh(index) {
		return nil, ErrReplay
	}
	out, ok := c.openRTCP(s, b, behind, ssrc, word)
	if !ok {
		return nil, ErrAuth
	}
	src.note(index)
	if !known {
		c.reports.keep(*src)
	}
	return out, nil
}

// openRTCP returns the packet without what stood behind it; false when the tag is wrong.
func (c *Context) openRTCP(s *Scratch, b []byte, behind int, ssrc, word uint32) (out []byte, ok bool) {
	index, end := int64(word&^encryptedBit), len(b)-behind
	if c.profile == GCM128 {
		nonce := s.nonce(&c.rtcp.salt, ssrc, index)
		_, err := c.rtcp.aead.Open(b[rtcpHeader:rtcpHeader], nonce, b[rtcpHeader:end], s.reportAAD(b, word))
		return b[:end-tagGCM], err == nil
	}
	tag := s.mac(&c.rtcp.auth, b[:end], word)
	if subtle.ConstantTimeCompare(tag[:len(b)-end-indexSize], b[end+indexSize:]) != 1 {
		return nil, false
	}
	s.counter(&c.rtcp.salt, ssrc, index)
	c.rtcp.stream.apply(s, b[rtcpHeader:end])
	return b[:end], true
}

// reportAAD is what GCM authenticates of an encrypted RTCP packet beside the ciphertext: the header, and the index with its bit (RFC 7714
// section 9.2).
func (s *Scratch) reportAAD(b []byte, word uint32) []byte {
	copy(s.aad[:], b[:rtcpHeader])
	binary.BigEndian.PutUint32(s.aad[rtcpHeader:], word)
	return s.aad[:rtcpHeader+indexSize]
}
