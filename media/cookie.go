package media

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"reflect"
	"time"

	"github.com/pion/dtls/v3"
)

// Anybody can write a peer's address on a ClientHello. On a trunk's leg the loop answers it with a cookie and keeps nothing (RFC 6347
// section 4.2.1): a handshake begins with the one that brings the cookie back, so that forged ones neither hold its place nor fail on its
// account. A browser has passed a connectivity check, which proves more.

// Offsets in a datagram that begins with a ClientHello, which no fragment is (RFC 6347 sections 4.1 and 4.2.2).
const (
	atEpoch     = 3
	atSequence  = 5
	atLength    = 11
	atMessage   = 14                      // length of the message
	atNumber    = 17                      // of the message in the handshake
	atOffset    = 19                      // of the fragment
	atFragment  = 22                      // its length
	atHello     = recordHeader + 12       // the message itself
	atSessionID = atHello + 2 + 32        // its length, behind version and random
	verifyHello = 3                       // type of a HelloVerifyRequest
	cookieSize  = 20                      // what the library draws
	verifySize  = 12 + 2 + 1 + cookieSize // a HelloVerifyRequest with its header
)

// greeting is a whole ClientHello.
type greeting struct {
	b      []byte // the record
	cookie []byte
	at     int // where the cookie is
}

// isHello tells whether a datagram begins with a ClientHello.
func isHello(b []byte) bool {
	return len(b) > recordHeader && b[0] == recordHandshake && b[recordHeader] == clientHello
}

// parseHello reads the first record of a datagram as far as the cookie. A hello in fragments has none that can be looked at by itself.
func parseHello(b []byte) (h greeting, ok bool) {
	if !isHello(b) || len(b) <= atSessionID || binary.BigEndian.Uint16(b[atEpoch:]) != 0 {
		return greeting{}, false
	}
	end := recordHeader + int(binary.BigEndian.Uint16(b[atLength:]))
	size := uint24(b[atMessage:])
	if end > len(b) || end != atHello+size || uint24(b[atOffset:]) != 0 || uint24(b[atFragment:]) != size {
		return greeting{}, false
	}
	at := atSessionID + 1 + int(b[atSessionID])
	if at >= end || at+1+int(b[at]) > end {
		return greeting{}, false
	}
	h.b, h.at = b[:end], at+1
	h.cookie = h.b[h.at : h.at+int(b[at])]
	return h, true
}

// first is the hello as it was before the cookie was asked for.
func (h greeting) first() []byte {
	n := len(h.cookie)
	b := append(append([]byte(nil), h.b[:h.at]...), h.b[h.at+n:]...)
	b[h.at-1] = 0
	clear(b[atSequence:atLength])
	binary.BigEndian.PutUint16(b[atLength:], uint16(len(b)-recordHeader))
	putUint24(b[atMessage:], len(b)-atHello)
	binary.BigEndian.PutUint16(b[atNumber:], 0)
	putUint24(b[atFragment:], len(b)-atHello)
	return b
}

// returns tells whether the hello brings the cookie back. It is the second message of the handshake then.
func (h greeting) returns(cookie []byte) bool {
	return hmac.Equal(h.cookie, cookie) && binary.BigEndian.Uint16(h.b[atNumber:]) == 1
}

// Chosen here: how many hellos without a cookie a leg answers. What is sent to the announced address is good whoever has asked, so that a
// flood in its name does not keep it waiting; the ports beside it share a limit.
const (
	askPause = 10 * time.Millisecond // between two answers to the announced address
	askRate  = 1000                  // answers a second to all others
)

// jar makes the cookies of a leg.
type jar struct {
	mac       hash.Hash
	announced int64 // when the announced address was answered last
	second    int64 // in which others were answered, and
	others    int   // how often
}

// spares tells whether one more hello may be answered.
func (j *jar) spares(now int64, announced bool) bool {
	switch {
	case announced && j.announced != 0 && now-j.announced < int64(askPause):
		return false
	case announced:
		j.announced = now
		return true
	case now-j.second >= int64(time.Second):
		j.second, j.others = now, 0
	}
	j.others++
	return j.others <= askRate
}

// cookie is the one for an address. It is the same as long as the leg is there: whichever answer arrives first is good.
func (j *jar) cookie(src netip.AddrPort) []byte {
	if j.mac == nil {
		secret := make([]byte, sha256.Size)
		_, _ = rand.Read(secret) // never fails
		j.mac = hmac.New(sha256.New, secret)
	}
	var who [18]byte
	ip := src.Addr().As16()
	copy(who[:], ip[:])
	binary.BigEndian.PutUint16(who[16:], src.Port())
	j.mac.Reset()
	j.mac.Write(who[:])
	return j.mac.Sum(nil)[:cookieSize]
}

// askBack is the HelloVerifyRequest with a cookie. It is record 0 each time: the number of a forged hello's record would make the peer take
// our next ones for replays.
func askBack(cookie []byte) []byte {
	b := make([]byte, recordHeader+verifySize)
	b[0], b[1], b[2] = recordHandshake, 0xfe, 0xfd
	binary.BigEndian.PutUint16(b[atLength:], verifySize)
	b[recordHeader] = verifyHello
	putUint24(b[atMessage:], verifySize-12)
	putUint24(b[atFragment:], verifySize-12)
	b[atHello], b[atHello+1], b[atHello+2] = 0xfe, 0xfd, cookieSize
	copy(b[atHello+3:], cookie)
	return b
}

// greet takes a ClientHello on the leg's own port. One that brings its cookie back comes from where it says, and is a handshake of its own;
// while another one runs, only for a peer that stands better.
func (g *leg) greet(l *loop, b []byte, src netip.AddrPort) Drop {
	h, cookie := &g.shake, g.atStoop().jar.cookie(src)
	in, ok := parseHello(b)
	switch {
	case !ok || h.tries >= maxTries:
		return DropDTLSState
	case !in.returns(cookie) && !g.stoop.jar.spares(l.now, src == g.latch.announced):
		return DropDTLSUnvalidated
	case !in.returns(cookie):
		to := sockaddrOf(src)
		sendTo(g.rtp.fd, askBack(cookie), &to)
		return Delivered
	case h.running != nil && h.running.pipe.peer() == src:
		return h.running.feed(l, in.b, src)
	case h.running != nil && g.latch.standing(src) <= g.latch.standing(h.running.pipe.peer()):
		return DropDTLSUnvalidated
	}
	select {
	case l.engine.pool <- struct{}{}:
	default:
		l.engine.handshakes.thin(l.now)
		return DropDTLSBusy // the peer asks again
	}
	h.breakOff()
	a := g.associate(l, nil, src, cookie)
	a.feed(l, in.first(), src)
	return a.feed(l, in.b, src)
}

// adopt makes a connection expect a cookie that the peer has brought back already. The library draws one of its own and cannot be told
// another: the one drawn is overwritten, on its goroutine, as it asks for it. Where it is not found, the handshake fails on it.
func adopt(conn *dtls.Conn, cookie []byte) {
	state := reflect.ValueOf(conn).Elem().FieldByName("state")
	if state.Kind() != reflect.Struct {
		return
	}
	if drawn := state.FieldByName("cookie"); drawn.IsValid() && drawn.Type() == reflect.TypeFor[[]byte]() {
		copy(drawn.Bytes(), cookie)
	}
}

// handshakeOnly tells whether all of a datagram's records in clear are of a handshake. Anything else, an alert above all, is a stranger's as
// likely as the peer's and would end the handshake: it may be ignored (RFC 6347 section 4.1.2.7).
func handshakeOnly(b []byte) bool {
	for len(b) >= recordHeader {
		if binary.BigEndian.Uint16(b[atEpoch:]) == 0 && b[0] != recordHandshake && b[0] != recordCCS {
			return false
		}
		b = b[min(len(b), recordHeader+int(binary.BigEndian.Uint16(b[atLength:]))):]
	}
	return true
}

func uint24(b []byte) int { return int(b[0])<<16 | int(binary.BigEndian.Uint16(b[1:])) }

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }
