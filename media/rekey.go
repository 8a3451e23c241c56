package media

import (
	"crypto/rand"
	"fmt"
	"time"

	"drawbridge/media/offer"
	"drawbridge/media/srtp"
)

// keyGrace is how long the keys of before still open packets: SDP and media take different ways, and some peers change keys without need.
const keyGrace = 2 * time.Second

// sdesProfiles are the suites of SDES as the contexts know them.
var sdesProfiles = [...]srtp.Profile{
	offer.AEADGCM128: srtp.GCM128,
	offer.AESCM80:    srtp.AES80,
	offer.AESCM32:    srtp.AES32,
}

// newKeys draws what a leg's SDP offers with SDES.
func newKeys() *offer.Keys {
	k := new(offer.Keys)
	for suite := range k {
		raw := make([]byte, offer.Suite(suite).KeySize())
		_, _ = rand.Read(raw) // never fails
		k[suite] = offer.Key(raw)
	}
	return k
}

// sdesKeys are the keys that two crypto attributes have agreed.
func sdesKeys(d *offer.SDES) (*keys, error) {
	k := &keys{profile: sdesProfiles[d.Suite], recvMKI: d.Recv.MKI, sendMKI: d.Send.MKI, agreed: d}
	recv, send := []byte(d.Recv.Key), []byte(d.Send.Key)
	if len(recv) < srtp.KeySize || len(send) < srtp.KeySize {
		return nil, fmt.Errorf("media: suite %s: %w", d.Suite, srtp.ErrKey)
	}
	const n = srtp.KeySize
	k.recvKey, k.recvSalt, k.sendKey, k.sendSalt = recv[:n], recv[n:], send[:n], send[n:]
	return k, nil
}

// bindKeys follows what SDP says of keys.
func (g *leg) bindKeys(l *loop, was offer.Stream, first bool) {
	switch {
	case g.st.SDES != nil:
		g.bindSDES(l)
	case g.st.Fingerprint != "":
		g.bindDTLS(l, was, first)
	default:
		g.park()
	}
}

// park is for a stretch without keys: those of SDES may come back in use.
func (g *leg) park() {
	g.keepKeys()
	g.crypt = nil
	g.unshake()
}

// newSource lets what we send go on as another source, from the beginning; the path that feeds the leg has to join it anew.
func (g *leg) newSource() {
	g.out.anew()
	g.report.anew(g.out.packets, g.out.seq)
	if other := g.session.legs[1-g.id]; other != nil {
		other.pause()
	}
}

// bindSDES takes keys from SDP, unless they are those in use.
func (g *leg) bindSDES(l *loop) {
	if c := g.crypt; c != nil && c.agreed != nil && *c.agreed == *g.st.SDES {
		return
	}
	k, err := sdesKeys(g.st.SDES)
	if err == nil {
		g.unshake()
		err = g.rekey(l, k)
	}
	if err != nil {
		g.fail("keys")
	}
}

// rekey uses other keys from now on: new ones, or some that come back. A direction whose key is the same goes on as it was.
func (g *leg) rekey(l *loop, k *keys) error {
	c, err := newCrypt(k)
	if err != nil {
		return err
	}
	g.keepKeys()
	back := g.keyring.takeUp(c)
	g.hearUnder(l, c)
	g.sendUnder(c, back)
	g.crypt = c
	return nil
}

// hearUnder changes the inbound direction to c. The peer's sources may go on with their roll-over counters or begin at 0: both are understood
// for as long as the peer is silent, for a call may be held for an hour.
func (g *leg) hearUnder(l *loop, c *crypt) {
	switch was, r := g.crypt, g.keyring; {
	case was != nil && was.in == c.in:
		c.former = was.former
	case was != nil:
		c.in.Follow(was.in)
		was.former = nil
		c.former = &former{crypt: was, until: l.now + int64(keyGrace), spare: make([]byte, slotSize)}
	case r != nil:
		if was := r.in[len(r.in)-1].context; was != c.in {
			c.in.Follow(was)
		}
	}
}

// sendUnder changes the outbound direction to c; back says that our key has been in use before. Then our numbers have moved on without it,
// perhaps round, and a source of its own begins a key stream of its own. Under another key behind a roll-over, or behind a stretch without
// keys, the peer could go on with the counter or begin at 0, and near one it may miss it before it has our SDP: with a new source it has to
// begin.
func (g *leg) sendUnder(c *crypt, back bool) {
	was := g.crypt
	switch {
	case was != nil && was.out == c.out: // it has never been out of use
	case back, was == nil && g.keyring != nil, was != nil && was.out.ROC(g.out.ssrc) > 0, g.out.seq >= lowerHalf:
		g.newSource()
	}
}

// former is what the inbound direction was before a change of keys.
type former struct {
	crypt *crypt
	until int64
	spare []byte // the packet as it came: a failed attempt may spoil it
}

// unprotectLate opens a packet in the moment after a change of keys: by the new key, or by the former one.
func (c *crypt) unprotectLate(l *loop, b []byte) ([]byte, Drop) {
	f := c.former
	if l.now > f.until {
		c.former = nil
		return c.decrypt(l, b)
	}
	copy(f.spare, b)
	out, drop := c.decrypt(l, b)
	if drop == DropAuth {
		if out, late := f.crypt.decrypt(l, b[:copy(b, f.spare[:len(b)])]); late == Delivered {
			return out, late
		}
	}
	return out, drop
}

// unprotectRTCPLate does the same for RTCP, which carries its index.
func (c *crypt) unprotectRTCPLate(l *loop, b []byte) ([]byte, Drop) {
	f := c.former
	if l.now > f.until {
		c.former = nil
		return c.decryptRTCP(l, b)
	}
	copy(f.spare, b)
	out, drop := c.decryptRTCP(l, b)
	if drop == DropAuth {
		if out, late := f.crypt.decryptRTCP(l, b[:copy(b, f.spare[:len(b)])]); late == Delivered {
			return out, late
		}
	}
	return out, drop
}

// withMKI puts a master key identifier in front of the last mac bytes of a protected packet (RFC 3711 section 3.1; behind all of it where
// the cipher authenticates, RFC 7714 section 8.1). b has tailRoom behind it.
func withMKI(b []byte, mki string, mac int) []byte {
	if mki == "" {
		return b
	}
	n := len(b)
	b = b[:n+len(mki)]
	copy(b[n-mac+len(mki):], b[n-mac:n])
	copy(b[n-mac:], mki)
	return b
}

// withoutMKI takes it out again; false when it is not there, or another one.
func withoutMKI(b []byte, mki string, mac int) ([]byte, bool) {
	if mki == "" {
		return b, true
	}
	at := len(b) - mac - len(mki)
	if at < 0 || string(b[at:at+len(mki)]) != mki {
		return nil, false
	}
	copy(b[at:], b[at+len(mki):])
	return b[:len(b)-len(mki)], true
}
