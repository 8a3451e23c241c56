package wire

import (
	"runtime"
	"strings"
	"testing"
)

// offer is an INVITE as a browser's library sends it: 14 header lines, an SDP body.
func offer() []byte {
	return invite("=INVITE sip:+4930123456@example.com SIP/2.0",
		"Via: SIP/2.0/WSS a1b2c3d4e5f6.invalid;branch=z9hG4bK7654321;rport", "Record-Route: <sip:192.0.2.1;lr>",
		"Supported: path,gruu,outbound,timer", "Allow: INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY",
		"User-Agent: phone 1.0", "Session-Expires: 1800", "-Content-Length",
		"Content-Type: application/sdp\r\n\r\nv=0\r\n"+strings.Repeat("a=candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host\r\n", 16))
}

// Budget: 4 allocations, of which one is the message and one its text, which TestReadAllocates holds.
func BenchmarkReadInvite(b *testing.B) {
	raw := offer()
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, v := Read(raw, CanonOptions{}); v.Status != 0 {
			b.Fatal(v)
		}
	}
}

// Budget: one allocation with a buffer of the caller's, which TestAnswerAllocates holds.
func BenchmarkBuild200(b *testing.B) {
	req, v := Read(offer(), CanonOptions{})
	if v.Status != 0 {
		b.Fatal(v)
	}
	contact := []Addr{{URI: URI{Scheme: "sip", Host: "192.0.2.1", Port: 5060}}}
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		resp := NewResponse(req, 200, "", "token")
		resp.Contact = contact
		buf = resp.Append(buf[:0])
	}
}

func TestReadAllocates(t *testing.T) {
	raw := offer()
	if n := testing.AllocsPerRun(100, func() { Read(raw, CanonOptions{}) }); n > 4 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnswerAllocates(t *testing.T) {
	req := read(t, offer())
	buf := make([]byte, 0, 2048)
	n := testing.AllocsPerRun(100, func() { buf = NewResponse(req, 200, "", "token").Append(buf[:0]) })
	if n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// A kept tag keeps the header section it came in, but no long one.
func TestAKeptTagKeepsLittle(t *testing.T) {
	raw := invite("X-Long: "+strings.Repeat("x", maxLine-100), "+X-Long: "+strings.Repeat("x", maxLine-100))
	tags := make([]string, 200)
	before := heapAlloc()
	for i := range tags {
		tags[i] = read(t, raw).FromTag()
	}
	if kept := int(heapAlloc()-before) / len(tags); kept > 512 {
		t.Errorf("a tag keeps %d bytes", kept)
	}
	runtime.KeepAlive(tags)
}

func heapAlloc() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
