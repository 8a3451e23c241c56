package srtp

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	pion "github.com/pion/srtp/v3"
)

// theirs are the same profiles of an implementation that is not ours.
var theirs = map[Profile]pion.ProtectionProfile{
	AES80:  pion.ProtectionProfileAes128CmHmacSha1_80,
	AES32:  pion.ProtectionProfileAes128CmHmacSha1_32,
	GCM128: pion.ProtectionProfileAeadAes128Gcm,
}

const slot = 2048

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 3711 appendix B.3.
func TestKeyDerivation(t *testing.T) {
	kdf, err := aes.NewCipher(unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"))
	if err != nil {
		t.Fatal(err)
	}
	salt := unhex(t, "0EC675AD498AFEEBB6960B3AABE6")
	for _, c := range []struct {
		label byte
		want  string
	}{
		{labelKey, "c61e7a93744f39ee10734afe3ff7a087"},
		{labelSalt, "30cbbc08863d8c85d49db34a9ae1"},
		{labelAuth, "cebe321f6ff7716b6fd4ab49af256a156d38baa4"},
	} {
		if got := hex.EncodeToString(prf(kdf, salt, c.label, len(c.want)/2)); got != c.want {
			t.Errorf("label %d: %s, want %s", c.label, got, c.want)
		}
	}
}

// RFC 3711 appendix B.2: the first and the last blocks of the key stream.
func TestCounterMode(t *testing.T) {
	k, err := newKeystream(unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"))
	if err != nil {
		t.Fatal(err)
	}
	s := NewScratch()
	copy(s.iv[:], unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"))
	stream := make([]byte, 0xff02*aes.BlockSize)
	k.apply(s, stream)
	for at, want := range map[int]string{
		0: "e03ead0935c95e80e166b16dd92b4eb4", 1: "d23513162b02d0f72a43a2fe4a5f97ab", 2: "41e95b3bb0a2e8dd477901e4fca894c0",
		0xfeff: "ec8cdf7398607cb0f2d21675ea9ea1e4", 0xff00: "362b7c3c6773516318a077d7fc5073ae", 0xff01: "6a2cc3787889374fbeb4c81b17ba6c44",
	} {
		if got := hex.EncodeToString(stream[at*aes.BlockSize:][:aes.BlockSize]); got != want {
			t.Errorf("block %#x: %s, want %s", at, got, want)
		}
	}
}

// pair is one direction: ours and theirs with the same keys, both able to seal and to open.
type pair struct {
	ours  [2]*Context // seals, opens
	their [2]*pion.Context
	s     *Scratch
}

func newPair(t testing.TB, p Profile) *pair {
	t.Helper()
	key, salt := make([]byte, KeySize), make([]byte, p.SaltSize())
	for i := range key {
		key[i] = byte(i * 7)
	}
	for i := range salt {
		salt[i] = byte(0xf0 - i)
	}
	out := &pair{s: NewScratch()}
	for i := range 2 {
		var err1, err2 error
		out.ours[i], err1 = New(p, key, salt)
		out.their[i], err2 = pion.CreateContext(key, salt, theirs[p], pion.SRTPReplayProtection(Window), pion.SRTCPReplayProtection(Window))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func packet(seq uint16, ssrc uint32, payload []byte) []byte {
	b := make([]byte, rtpHeader, slot)
	b[0] = 2 << 6
	binary.BigEndian.PutUint16(b[seqAt:], seq)
	binary.BigEndian.PutUint32(b[ssrcAt:], ssrc)
	return append(b, payload...)
}

// Long streams with loss, reordering, repetition, sources that change and roll-overs come out byte for byte as another implementation
// makes them, and are accepted and refused as it does.
func TestBesideAnotherImplementation(t *testing.T) {
	for p := range theirs {
		r := rand.New(rand.NewPCG(1, uint64(p)))
		x := newPair(t, p)
		seq, ssrc := uint16(65000), uint32(7)
		var before [][]byte
		for i := range 20_000 {
			switch r.IntN(50) {
			case 0:
				seq += uint16(r.IntN(300))
			case 1:
				ssrc = uint32(r.IntN(5))
			}
			seq++
			plain := packet(seq, ssrc, make([]byte, r.IntN(200)))
			got, err1 := x.ours[0].Seal(x.s, append(make([]byte, 0, slot), plain...), rtpHeader)
			want, err2 := x.their[0].EncryptRTP(nil, plain, nil)
			if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Fatalf("profile %d, packet %d: %v %v\n%x\n%x", p, i, err1, err2, got, want)
			}
			switch r.IntN(10) {
			case 0: // lost
				continue
			case 1: // repeated or late
				if len(before) > 0 {
					x.open(t, before[r.IntN(len(before))])
				}
			case 2: // forged
				forged := append([]byte(nil), want...)
				forged[r.IntN(len(forged))] ^= 1 << r.IntN(8)
				if forged[0] == 2<<6 { // what else is a header goes by another way
					x.open(t, forged)
				}
			}
			x.open(t, want)
			if before = append(before, want); len(before) > 400 {
				before = before[1:]
			}
		}
	}
}

// open holds both implementations against each other.
func (x *pair) open(t testing.TB, b []byte) {
	t.Helper()
	got, err1 := x.ours[1].Open(x.s, append(make([]byte, 0, slot), b...), rtpHeader)
	want, err2 := x.their[1].DecryptRTP(nil, b, nil)
	if (err1 == nil) != (err2 == nil) || err1 == nil && !bytes.Equal(got, want) {
		t.Fatalf("%x\nours: %v %x\ntheirs: %v %x", b, err1, got, err2, want)
	}
}

func TestReportsBesideAnotherImplementation(t *testing.T) {
	for p := range theirs {
		x := newPair(t, p)
		plain := unhex(t, "81c8000bcafebabeabababababababababababababababab")
		var first []byte
		for i := range 300 {
			got, err1 := x.ours[0].SealRTCP(x.s, append(make([]byte, 0, slot), plain...))
			want, err2 := x.their[0].EncryptRTCP(nil, plain, nil)
			// Theirs begins at index 0 or 1; what counts is that each understands the other.
			if err1 != nil || err2 != nil || len(got) != len(want) {
				t.Fatalf("profile %d: %v %v", p, err1, err2)
			}
			if i == 0 {
				first = append(first, got...)
			}
			out, err := x.their[1].DecryptRTCP(nil, got, nil)
			if err != nil || !bytes.Equal(out, plain) {
				t.Fatalf("profile %d, report %d of ours: %v %x", p, i, err, out)
			}
			out, err = x.ours[1].OpenRTCP(x.s, append(make([]byte, 0, slot), want...))
			if err != nil || !bytes.Equal(out, plain) {
				t.Fatalf("profile %d, report %d of theirs: %v %x", p, i, err, out)
			}
			if _, err := x.ours[1].OpenRTCP(x.s, append(make([]byte, 0, slot), want...)); !errors.Is(err, ErrReplay) {
				t.Fatalf("profile %d, again: %v", p, err)
			}
		}
		opener := newPair(t, p)
		for _, c := range []struct {
			what string
			at   int // byte that is changed
			want error
		}{{"header", 1, ErrAuth}, {"source", 5, ErrAuth}, {"text", 9, ErrAuth}, {"tag", len(first) - 1, ErrAuth}, {"", -1, nil}} {
			b := append([]byte(nil), first...)
			if c.at >= 0 {
				b[c.at] ^= 1
			}
			if _, err := opener.ours[1].OpenRTCP(opener.s, b); !errors.Is(err, c.want) {
				t.Errorf("profile %d, %s: %v", p, c.what, err)
			}
		}
		clear := append([]byte(nil), first...)
		clear[len(clear)-indexSize-p.ControlMAC()] &^= 0x80
		if _, err := newPair(t, p).ours[1].OpenRTCP(opener.s, clear); !errors.Is(err, ErrAuth) {
			t.Errorf("profile %d: an open report: %v", p, err)
		}
	}
}

// The index that a sequence number stands for (RFC 3711 appendix A).
func TestIndex(t *testing.T) {
	for _, c := range []struct {
		top  int64
		seq  uint16
		want int64
	}{
		{5, 6, 6},
		{5, 4, 4},
		{5, 60000, 60000}, // before the beginning there is nothing
		{65535, 0, 65536},
		{65535, 65534, 65534},
		{40000, 7000, 65536 + 7000},
		{40000, 7232, 7232}, // exactly half a cycle: not ahead
		{65536, 65535, 65535},
		{65536 + 100, 40000, 40000},
		{65536 + 100, 100 + 32768, 65536 + 100 + 32768},
		{3<<16 | 65000, 10, 4<<16 | 10},
	} {
		s := source{started: true, top: c.top}
		if got := s.index(c.seq); got != c.want {
			t.Errorf("%d after %d: %d, want %d", c.seq, c.top, got, c.want)
		}
	}
}

// The window beside one that remembers everything.
func TestWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var s source
	seen := map[int64]bool{}
	top := int64(1000)
	for range 100_000 {
		i := max(top+int64(r.IntN(400))-300, 0)
		if r.IntN(500) == 0 {
			i = top + int64(r.IntN(1000))
		}
		want := !seen[i] && (len(seen) == 0 || i > top-Window)
		if got := s.fresh(i); got != want {
			t.Fatalf("%d, top %d: %v", i, top, got)
		}
		if want {
			s.note(i)
			seen[i] = true
			if len(seen) == 1 || i > top {
				top = i
			}
		}
	}
}

// Sources beyond the limit push out the oldest, and nothing else grows.
func TestSourcesAreLimited(t *testing.T) {
	x := newPair(t, AES80)
	for ssrc := range uint32(10 * mostSources) {
		b, err := x.ours[0].Seal(x.s, packet(1, ssrc, []byte("voice")), rtpHeader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.ours[1].Open(x.s, b, rtpHeader); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(x.ours[1].media.all); n != mostSources {
		t.Errorf("%d sources are kept", n)
	}
	forged := packet(1, 1<<30, make([]byte, 30))
	if _, err := x.ours[1].Open(x.s, forged, rtpHeader); !errors.Is(err, ErrAuth) || x.ours[1].media.find(1<<30) != nil {
		t.Errorf("a forged packet: %v, and its source is kept", err)
	}
}

// A packet that is refused moves no counter (T15), whatever its number says.
func TestARefusedPacketChangesNothing(t *testing.T) {
	for p := range theirs {
		x := newPair(t, p)
		seal := func(seq uint16) []byte {
			b, err := x.ours[0].Seal(x.s, packet(seq, 9, []byte("voice")), rtpHeader)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		open := func(b []byte) error {
			_, err := x.ours[1].Open(x.s, append([]byte(nil), b...), rtpHeader)
			return err
		}
		if err := open(seal(10)); err != nil {
			t.Fatal(err)
		}
		for _, jump := range []uint16{1, 32767, 32768, 32769, 65535} {
			if err := open(packet(10+jump, 9, make([]byte, 40))); err == nil {
				t.Fatalf("profile %d: a forged packet %d ahead is taken", p, jump)
			}
		}
		if err := open(seal(11)); err != nil || x.ours[1].ROC(9) != 0 {
			t.Errorf("profile %d: %v, counter %d", p, err, x.ours[1].ROC(9))
		}
	}
}

// A source that comes from another key goes on with its counter or begins anew; once it has told which, the other way is closed. Forged
// packets tell nothing and spoil nothing, and what was heard is heard once.
func TestASourceGoesOnUnderAnotherKey(t *testing.T) {
	for p := range theirs {
		for _, goesOn := range []bool{false, true} {
			was, now := newPair(t, p), newPair(t, p)
			seal := func(x *pair, seq uint16) []byte {
				b, err := x.ours[0].Seal(x.s, packet(seq, 9, []byte("voice")), rtpHeader)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			open := func(x *pair, b []byte) error {
				_, err := x.ours[1].Open(x.s, append([]byte(nil), b...), rtpHeader)
				return err
			}
			for _, seq := range []uint16{65535, 0} {
				if err := open(was, seal(was, seq)); err != nil {
					t.Fatal(err)
				}
			}
			now.ours[1].Follow(was.ours[1])
			if goesOn {
				seal(now, 65535)
			}
			forged := seal(now, 1)
			forged[len(forged)-1] ^= 1
			first := seal(now, 2)
			for _, c := range []struct {
				what string
				b    []byte
				want error
			}{{"forged", forged, ErrAuth}, {"first", first, nil}, {"again", first, ErrReplay}, {"next", seal(now, 3), nil}} {
				if err := open(now, c.b); !errors.Is(err, c.want) {
					t.Errorf("profile %d, goes on %v: %s: %v", p, goesOn, c.what, err)
				}
			}
			if n := len(now.ours[1].before); n > 0 {
				t.Errorf("profile %d: %d sources in doubt", p, n)
			}
		}
	}
}

func TestKeysAreChecked(t *testing.T) {
	for _, c := range []struct{ key, salt int }{{15, 14}, {16, 12}, {0, 14}, {32, 14}} {
		if _, err := New(AES80, make([]byte, c.key), make([]byte, c.salt)); !errors.Is(err, ErrKey) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := New(GCM128+1, make([]byte, 16), make([]byte, 12)); !errors.Is(err, ErrKey) {
		t.Error("an unknown profile")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for p := range theirs {
		x := newPair(t, p)
		b := make([]byte, slot)
		var seq uint16
		if n := testing.AllocsPerRun(100, func() {
			seq++
			copy(b, packet(0, 3, nil)[:rtpHeader])
			binary.BigEndian.PutUint16(b[seqAt:], seq)
			sealed, err := x.ours[0].Seal(x.s, b[:172], rtpHeader)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.ours[1].Open(x.s, sealed, rtpHeader); err != nil {
				t.Fatal(err)
			}
			report, err := x.ours[0].SealRTCP(x.s, b[:52])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.ours[1].OpenRTCP(x.s, report); err != nil {
				t.Fatal(err)
			}
		}); n > 1 { // packet makes one
			t.Errorf("profile %d: %v", p, n)
		}
	}
}

// FuzzOpen: whatever comes in, nothing breaks, and only what was sealed is taken.
func FuzzOpen(f *testing.F) {
	x := newPair(f, AES80)
	sealed, err := x.ours[0].Seal(x.s, packet(1, 2, []byte("voice")), rtpHeader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, 12)
	f.Add([]byte{}, 0)
	f.Add(make([]byte, 40), 60)
	f.Fuzz(func(t *testing.T, b []byte, start int) {
		for p := range theirs {
			x := newPair(t, p)
			genuine := map[Profile][]byte{AES80: sealed, AES32: sealed[:len(sealed)-tagLong+tagShort]}[p] // one key: the shorter tag is the beginning of the longer
			out, err := x.ours[1].Open(x.s, append([]byte(nil), b...), start)
			if err == nil && (genuine == nil || !bytes.Equal(b, genuine)) {
				t.Fatalf("profile %d takes %x: %x", p, b, out)
			}
			if out, err := x.ours[1].OpenRTCP(x.s, append([]byte(nil), b...)); err == nil {
				t.Fatalf("profile %d takes the report %x: %x", p, b, out)
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for p, name := range map[Profile]string{AES80: "AES80", GCM128: "GCM128"} {
		b.Run(name, func(b *testing.B) {
			x := newPair(b, p)
			buf := packet(0, 3, make([]byte, 160))
			var seq uint16
			for b.Loop() {
				seq++
				binary.BigEndian.PutUint16(buf[seqAt:], seq)
				if _, err := x.ours[0].Seal(x.s, buf, rtpHeader); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMany is a relay's case: thousands of contexts in turn, each from far memory.
func BenchmarkMany(b *testing.B) {
	const many = 4000
	run := func(b *testing.B, seal func(i int, buf []byte) error) {
		buf := packet(0, 3, make([]byte, 160))
		var n uint32
		for b.Loop() {
			n++
			binary.BigEndian.PutUint16(buf[seqAt:], uint16(n/many))
			if err := seal(int(n%many), buf); err != nil {
				b.Fatal(err)
			}
		}
	}
	var x [many]*pair
	for i := range x {
		x[i] = newPair(b, AES80)
	}
	b.Run("ours", func(b *testing.B) {
		s := NewScratch()
		run(b, func(i int, buf []byte) error {
			_, err := x[i].ours[0].Seal(s, buf, rtpHeader)
			return err
		})
	})
	b.Run("pion", func(b *testing.B) {
		dst := make([]byte, 0, slot)
		run(b, func(i int, buf []byte) error {
			_, err := x[i].their[0].EncryptRTP(dst, buf, nil)
			return err
		})
	})
}
