package media

import (
	"errors"
	"fmt"

	"drawbridge/media/offer"
	"drawbridge/media/srtp"

	"github.com/pion/dtls/v3"
)

// SRTP is done in place by two contexts that the leg's loop owns: no lock, no copy, no allocation per packet.

// exporterLabel is RFC 5764 section 4.2.
const exporterLabel = "EXTRACTOR-dtls_srtp"

// keys are what a handshake yields, or SDP. They live in memory only.
type keys struct {
	profile           srtp.Profile
	recvKey, recvSalt []byte // the peer's direction
	sendKey, sendSalt []byte // ours
	recvMKI, sendMKI  string // SDES
	peer              []byte // DTLS: the peer's certificate, DER
	last              []byte // DTLS: our last flight
	agreed            *offer.SDES
}

// export takes keys and the peer's certificate out of a connection (RFC 5764 section 4.2).
func export(conn *dtls.Conn, client bool) (*keys, error) {
	state, ok := conn.ConnectionState()
	if !ok || len(state.PeerCertificates) == 0 {
		return nil, errFingerprint
	}
	selected, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errProfile
	}
	k := &keys{peer: state.PeerCertificates[0]}
	switch selected {
	case dtls.SRTP_AEAD_AES_128_GCM:
		k.profile = srtp.GCM128
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		k.profile = srtp.AES80
	default:
		return nil, errProfile
	}
	const key = srtp.KeySize
	salt := k.profile.SaltSize()
	raw, err := state.ExportKeyingMaterial(exporterLabel, nil, 2*(key+salt))
	if err != nil {
		return nil, fmt.Errorf("media: export: %w", err)
	}
	k.recvKey, raw = raw[:key], raw[key:] // the client's come first
	k.sendKey, raw = raw[:key], raw[key:]
	k.recvSalt, k.sendSalt = raw[:salt], raw[salt:]
	if client {
		k.recvKey, k.recvSalt, k.sendKey, k.sendSalt = k.sendKey, k.sendSalt, k.recvKey, k.recvSalt
	}
	return k, nil
}

// crypt is the pair of contexts of a leg, each for one direction.
type crypt struct {
	in, out          *srtp.Context
	last             []byte // DTLS: our raw last flight; nil once SRTP under these keys has proved its arrival
	recvMKI, sendMKI string
	macRTP, macRTCP  uint8       // bytes that stand behind an MKI
	agreed           *offer.SDES // what the keys are from; nil: from a handshake
	former           *former     // nil but for a moment after a change of keys
	reporters        reporters   // who has sent RTCP
}

func newCrypt(k *keys) (*crypt, error) {
	in, err := srtp.New(k.profile, k.recvKey, k.recvSalt)
	if err != nil {
		return nil, fmt.Errorf("media: inbound context: %w", err)
	}
	out, err := srtp.New(k.profile, k.sendKey, k.sendSalt)
	if err != nil {
		return nil, fmt.Errorf("media: outbound context: %w", err)
	}
	return &crypt{
		in: in, out: out, last: k.last, recvMKI: k.recvMKI, sendMKI: k.sendMKI, agreed: k.agreed,
		macRTP: uint8(k.profile.MAC()), macRTCP: uint8(k.profile.ControlMAC()),
	}, nil
}

// unprotect authenticates and decrypts an RTP packet in place.
func (c *crypt) unprotect(l *loop, b []byte) ([]byte, Drop) {
	if c.former != nil {
		return c.unprotectLate(l, b)
	}
	return c.decrypt(l, b)
}

func (c *crypt) decrypt(l *loop, b []byte) ([]byte, Drop) {
	b, ok := withoutMKI(b, c.recvMKI, int(c.macRTP))
	if !ok {
		return nil, DropAuth
	}
	start, ok := payloadStart(b)
	if !ok {
		return nil, DropMalformed
	}
	out, err := c.in.Open(l.crypto, b, start)
	if err != nil {
		return nil, refusal(err)
	}
	if c.last != nil {
		c.last = nil
	}
	return out, Delivered
}

// unprotectRTCP does the same for RTCP.
func (c *crypt) unprotectRTCP(l *loop, b []byte) ([]byte, Drop) {
	if c.former != nil {
		return c.unprotectRTCPLate(l, b)
	}
	return c.decryptRTCP(l, b)
}

func (c *crypt) decryptRTCP(l *loop, b []byte) ([]byte, Drop) {
	b, ok := withoutMKI(b, c.recvMKI, int(c.macRTCP))
	if !ok {
		return nil, DropAuth
	}
	out, err := c.in.OpenRTCP(l.crypto, b)
	if err == nil {
		return out, Delivered
	}
	return nil, refusal(err)
}

// refusal is why a context refused a packet.
func refusal(err error) Drop {
	switch {
	case errors.Is(err, srtp.ErrShort):
		return DropMalformed
	case errors.Is(err, srtp.ErrReplay):
		return DropReplay
	}
	return DropAuth
}

// protect encrypts an RTP packet of ours in place; b must have tailRoom behind it. nil: the context refused, which ends with new keys.
func (c *crypt) protect(l *loop, b []byte) []byte {
	out, err := c.out.Seal(l.crypto, b, rtpHeader)
	if err != nil {
		return nil
	}
	return withMKI(out, c.sendMKI, int(c.macRTP))
}

// protectRTCP encrypts an RTCP packet in place; b must have tailRoom behind it.
func (c *crypt) protectRTCP(l *loop, b []byte) []byte {
	out, err := c.out.SealRTCP(l.crypto, b)
	if err != nil {
		return nil
	}
	return withMKI(out, c.sendMKI, int(c.macRTCP))
}
