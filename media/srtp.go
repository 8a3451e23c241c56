package media

import (
	"errors"
	"fmt"

	"drawbridge/media/offer"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

// SRTP is done in place by two contexts that the leg's loop owns: no lock, no copy, no allocation per packet.

// replayWindow is in packets. RFC 3711 section 3.3.2 asks for 64 at least; browsers reorder little, networks more.
const replayWindow = 256

// exporterLabel is RFC 5764 section 4.2.
const exporterLabel = "EXTRACTOR-dtls_srtp"

// keys are what a handshake yields, or SDP. They live in memory only.
type keys struct {
	profile           srtp.ProtectionProfile
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
		k.profile = srtp.ProtectionProfileAeadAes128Gcm
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		k.profile = srtp.ProtectionProfileAes128CmHmacSha1_80
	default:
		return nil, errProfile
	}
	key, err1 := k.profile.KeyLen()
	salt, err2 := k.profile.SaltLen()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
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
	tag              int // bytes that protection adds to RTP, beside the MKI
	macRTP, macRTCP  int // those of them that stand behind an MKI
	recvMKI, sendMKI string
	agreed           *offer.SDES // what the keys are from; nil: from a handshake
	former           *former     // nil but for a moment after a change of keys
}

func newCrypt(k *keys) (*crypt, error) {
	in, err := srtp.CreateContext(k.recvKey, k.recvSalt, k.profile, srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("media: inbound context: %w", err)
	}
	out, err := srtp.CreateContext(k.sendKey, k.sendSalt, k.profile)
	if err != nil {
		return nil, fmt.Errorf("media: outbound context: %w", err)
	}
	c := &crypt{in: in, out: out, recvMKI: k.recvMKI, sendMKI: k.sendMKI, agreed: k.agreed}
	aead, err1 := k.profile.AEADAuthTagLen()
	var err2, err3 error
	c.macRTP, err2 = k.profile.AuthTagRTPLen()
	c.macRTCP, err3 = k.profile.AuthTagRTCPLen()
	c.tag = c.macRTP + aead
	return c, errors.Join(err1, err2, err3)
}

// unprotect authenticates and decrypts an RTP packet in place.
func (c *crypt) unprotect(l *loop, b []byte) ([]byte, Drop) {
	if c.former != nil {
		return c.unprotectLate(l, b)
	}
	return c.decrypt(l, b)
}

func (c *crypt) decrypt(l *loop, b []byte) ([]byte, Drop) {
	b, ok := withoutMKI(b, c.recvMKI, c.macRTP)
	if !ok {
		return nil, DropAuth
	}
	if start, ok := payloadStart(b); !ok || len(b) < start+c.tag {
		return nil, DropMalformed
	}
	out, err := c.in.DecryptRTP(b, b, &l.header)
	if err == nil {
		return out, Delivered
	}
	return nil, refusal(err)
}

// unprotectRTCP does the same for RTCP.
func (c *crypt) unprotectRTCP(l *loop, b []byte) ([]byte, Drop) {
	if c.former != nil {
		return c.unprotectRTCPLate(l, b)
	}
	return c.decryptRTCP(b)
}

func (c *crypt) decryptRTCP(b []byte) ([]byte, Drop) {
	b, ok := withoutMKI(b, c.recvMKI, c.macRTCP)
	if !ok {
		return nil, DropAuth
	}
	out, err := c.in.DecryptRTCP(b, b, nil)
	if err == nil {
		return out, Delivered
	}
	return nil, refusal(err)
}

// refusal is why a context refused a packet that is long enough: a wrong tag, or, for lack of any other reason, a repetition.
func refusal(err error) Drop {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		return DropAuth
	}
	return DropReplay
}

// protect encrypts an RTP packet in place; b must have tailRoom behind it. nil: the context refused, which ends with new keys.
func (c *crypt) protect(l *loop, b []byte) []byte {
	out, err := c.out.EncryptRTP(b, b, &l.header)
	if err != nil {
		return nil
	}
	return withMKI(out, c.sendMKI, c.macRTP)
}

// protectRTCP encrypts an RTCP packet in place; b must have tailRoom behind it.
func (c *crypt) protectRTCP(b []byte) []byte {
	out, err := c.out.EncryptRTCP(b, b, nil)
	if err != nil {
		return nil
	}
	return withMKI(out, c.sendMKI, c.macRTCP)
}
