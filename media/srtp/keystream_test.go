package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"math/rand/v2"
	"testing"
)

// Our key stream is that of crypto/cipher, for keys, counters and lengths of all kinds, with the processor's instruction and without.
func TestKeystreamIsTheLibrarys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(b []byte) {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	s := NewScratch()
	for n := range 600 {
		key, in := make([]byte, KeySize), make([]byte, n)
		random(key)
		random(in)
		random(s.iv[:saltCM])
		s.iv[14], s.iv[15] = 0, 0
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, n)
		cipher.NewCTR(block, s.iv[:]).XORKeyStream(want, in)
		k, err := newKeystream(key)
		if err != nil {
			t.Fatal(err)
		}
		got := append(bytes.Clone(in), "behind"...)
		k.apply(s, got[:n])
		if !bytes.Equal(got[:n], want) || string(got[n:]) != "behind" {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
		slow := &blocks{}
		fast := &blocks{}
		random(slow[:])
		*fast = *slow
		k.encrypt(fast, len(fast))
		(&keystream{narrow: block}).oneByOne(slow, len(slow))
		if *fast != *slow {
			t.Fatalf("key %x: %x, want %x", key, *fast, *slow)
		}
	}
}
