package transcode

import (
	"fmt"
	"strings"
)

// Fixed by ITU-T G.711.
const (
	g711Rate = 8000
	muBias   = 33 << 2 // added before the segment is found, in 16-bit units
	muClip   = 32635   // largest magnitude that fits with the bias
	aInvert  = 0x55    // even bits of an A-law octet are inverted on the line
	muInvert = 0xff    // all bits of a mu-law octet are
)

// The four tables of G.711. Encoding is indexed by uint16(sample).
var (
	ulawDecode = decodeTable(ulawExpand)
	alawDecode = decodeTable(alawExpand)
	ulawEncode = encodeTable(ulawCompress)
	alawEncode = encodeTable(alawCompress)
)

func decodeTable(expand func(byte) int16) (t [256]int16) {
	for i := range t {
		t[i] = expand(byte(i))
	}
	return t
}

func encodeTable(compress func(int16) byte) *[1 << 16]byte {
	t := new([1 << 16]byte)
	for i := range t {
		t[i] = compress(int16(i))
	}
	return t
}

// ULawEncode is the mu-law octet of a 16-bit sample.
func ULawEncode(s int16) byte { return ulawEncode[uint16(s)] }

// ULawDecode is the 16-bit sample of a mu-law octet.
func ULawDecode(b byte) int16 { return ulawDecode[b] }

// ALawEncode is the A-law octet of a 16-bit sample.
func ALawEncode(s int16) byte { return alawEncode[uint16(s)] }

// ALawDecode is the 16-bit sample of an A-law octet.
func ALawDecode(b byte) int16 { return alawDecode[b] }

// ulawCompress: 14-bit magnitude plus bias; the highest bit set is the segment, the four below it the step.
func ulawCompress(s int16) byte {
	x, sign := int(s), byte(0)
	if x < 0 {
		x, sign = ^x, 0x80 // the magnitude of the quantising interval, so that -1 and 0 lie on either side
	}
	x = min(x, muClip) + muBias
	seg := segment(x >> 8)
	return (sign | byte(seg<<4) | byte(x>>(seg+3)&0x0f)) ^ muInvert
}

func ulawExpand(b byte) int16 {
	b ^= muInvert
	seg := b >> 4 & 7
	x := (int(b&0x0f)<<3+muBias)<<seg - muBias
	if b&0x80 != 0 {
		return int16(-x)
	}
	return int16(x)
}

// alawCompress: 13-bit magnitude; the first two segments share one step size.
func alawCompress(s int16) byte {
	x, sign := int(s), byte(0x80)
	if x < 0 {
		x, sign = ^x, 0
	}
	seg := segment(x >> 8)
	step := x >> 4
	if seg > 0 {
		step = x >> (seg + 3)
	}
	return (sign | byte(seg<<4) | byte(step&0x0f)) ^ aInvert
}

func alawExpand(b byte) int16 {
	b ^= aInvert
	x := int(b&0x0f)<<4 + 8
	if seg := b >> 4 & 7; seg > 0 {
		x = (x + 0x100) << (seg - 1)
	}
	if b&0x80 == 0 {
		return int16(-x)
	}
	return int16(x)
}

// segment is the number of significant bits of x: 0 to 7.
func segment(x int) int {
	n := 0
	for ; x != 0; x >>= 1 {
		n++
	}
	return n
}

// g711 is both directions of one law; the decoder's half remembers the last frame for concealment.
type g711 struct {
	expand   *[256]int16
	compress *[1 << 16]byte
	heard    memory
}

func newG711(name string, rate int) (*g711, error) {
	if rate != g711Rate {
		return nil, fmt.Errorf("%s at %d Hz: %w", name, rate, ErrRate)
	}
	if strings.EqualFold(name, "PCMU") {
		return &g711{expand: &ulawDecode, compress: ulawEncode, heard: newMemory(rate)}, nil
	}
	return &g711{expand: &alawDecode, compress: alawEncode, heard: newMemory(rate)}, nil
}

func (g *g711) Rate() int { return g711Rate }

func (g *g711) Decode(pcm []int16, payload []byte) (int, error) {
	if len(pcm) < len(payload) {
		return 0, ErrShort
	}
	for i, b := range payload {
		pcm[i] = g.expand[b]
	}
	g.heard.keep(pcm[:len(payload)])
	return len(payload), nil
}

func (g *g711) Conceal(pcm []int16, n int) (int, error) { return g.heard.conceal(pcm, n) }

func (g *g711) Encode(dst []byte, pcm []int16) (int, error) {
	if cap(dst) < len(pcm) {
		return 0, ErrShort
	}
	dst = dst[:len(pcm)]
	for i, s := range pcm {
		dst[i] = g.compress[uint16(s)]
	}
	return len(pcm), nil
}
