package srtp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Our HMAC-SHA1 is that of crypto/hmac, for messages of all lengths around every block's end, with the processor's instructions and without.
func TestMACIsTheLibrarys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	s := NewScratch()
	if !hasSHA {
		t.Log("this processor has no SHA-1: the other way alone")
	}
	for n := range 1600 {
		key, b := make([]byte, sha1.Size), make([]byte, n)
		for _, to := range [][]byte{key, b} {
			for i := range to {
				to[i] = byte(r.Uint32())
			}
		}
		more := r.Uint32()
		h := hmac.New(sha1.New, key)
		_, _ = h.Write(b)
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, more))
		want := h.Sum(nil)
		a, err := newAuthState(key)
		if err != nil {
			t.Fatal(err)
		}
		was := bytes.Clone(b)
		if got := s.byLibrary(&a, b, more); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes by the library: %x, want %x", n, got, want)
		}
		if hasSHA {
			if got := s.byProcessor(&a, b, more); !bytes.Equal(got, want) {
				t.Fatalf("%d bytes by the processor: %x, want %x", n, got, want)
			}
		}
		if !bytes.Equal(b, was) {
			t.Fatalf("%d bytes: the message is changed", n)
		}
	}
}

// BenchmarkMAC: the tag of a packet of 160 bytes, both ways.
func BenchmarkMAC(b *testing.B) {
	s := NewScratch()
	a, err := newAuthState(make([]byte, sha1.Size))
	if err != nil {
		b.Fatal(err)
	}
	p := packet(0, 3, make([]byte, 160))
	for name, mac := range map[string]func(*authState, []byte, uint32) []byte{"library": s.byLibrary, "processor": s.byProcessor} {
		if name == "processor" && !hasSHA {
			continue
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mac(&a, p, 1)
			}
		})
	}
}
