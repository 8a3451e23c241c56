package offer

import (
	"fmt"
	"slices"
	"strings"
)

// SRTP is what an RTP leg wants of encryption. A browser's media is always encrypted.
type SRTP uint8

const (
	SRTPNone     SRTP = iota // plain RTP and nothing else
	SRTPOptional             // encrypted with whoever can (RFC 8643): ours is offered with SDES keys in RTP/AVP, theirs is taken as it comes
	SRTPSDES                 // keys in the SDP (RFC 4568), or no call
	SRTPDTLS                 // keys by DTLS (RFC 5763), or no call
)

// Required reports whether media must not flow in clear.
func (s SRTP) Required() bool { return s == SRTPSDES || s == SRTPDTLS }

// Suite is an SRTP crypto suite that we speak (RFC 4568 section 6.2, RFC 7714 section 14.2).
type Suite uint8

// Best first: the order of our offers.
const (
	AEADGCM128 Suite = iota // AEAD_AES_128_GCM
	AESCM80                 // AES_CM_128_HMAC_SHA1_80
	AESCM32                 // AES_CM_128_HMAC_SHA1_32
	numSuites
)

// suiteForm is a suite's name on the wire, and the bytes of master key and salt together.
type suiteForm struct {
	name string
	size int
}

var suites = [numSuites]suiteForm{
	AEADGCM128: {"AEAD_AES_128_GCM", 28},
	AESCM80:    {"AES_CM_128_HMAC_SHA1_80", 30},
	AESCM32:    {"AES_CM_128_HMAC_SHA1_32", 30},
}

func (s Suite) String() string { return suites[s].name }

// KeySize is how many bytes master key and salt have together.
func (s Suite) KeySize() int { return suites[s].size }

// Key is a master key with its salt behind it, raw. It shows itself to nobody: whatever prints, logs or marshals one gets stars.
type Key string

const stars = "***"

// Format implements fmt.Formatter for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(stars)) }

// MarshalText implements encoding.TextMarshaler.
func (Key) MarshalText() ([]byte, error) { return []byte(stars), nil }

// Keys are ours of one leg, one for each suite: a key is used with one suite only.
type Keys [numSuites]Key

// Crypto is one direction of an SDES agreement.
type Crypto struct {
	Key Key
	MKI string // raw; "" when packets carry none
}

// SDES is what two crypto attributes have agreed (RFC 4568). It is never changed.
type SDES struct {
	Suite      Suite
	Send, Recv Crypto // of what the gateway sends, and receives
}

// guard is how the media of a section is protected.
type guard uint8

const (
	unguarded guard = iota
	bySDES
	byDTLS
)

// Transports of a trunk's m-line.
const (
	protoAVP  = "RTP/AVP"
	protoSAVP = "RTP/SAVP"
	protoDTLS = "UDP/TLS/RTP/SAVP"
)

// guards says how a live section of an RTP leg would be protected; ok is false when that is against what we want. Encryption may be
// offered in RTP/AVP (RFC 8643); where there is a choice DTLS goes first, because its keys are not in the SDP.
func (w SRTP) guards(s *section) (g guard, ok bool) {
	dtls := s.fingerprint != "" && (w == SRTPOptional || w == SRTPDTLS)
	sdes := len(s.cryptos) > 0 && (w == SRTPOptional || w == SRTPSDES)
	switch strings.TrimSuffix(s.proto, "F") {
	case protoAVP:
		switch {
		case dtls:
			return byDTLS, true
		case sdes:
			return bySDES, true
		}
		return unguarded, !w.Required()
	case protoSAVP:
		if dtls {
			return byDTLS, true
		}
		return bySDES, sdes
	case protoDTLS:
		return byDTLS, dtls
	}
	return unguarded, false
}

// transport is that of our first offer.
func (w SRTP) transport() (proto string, g guard) {
	switch w {
	case SRTPOptional:
		return protoAVP, bySDES
	case SRTPSDES:
		return protoSAVP, bySDES
	case SRTPDTLS:
		return protoDTLS, byDTLS
	case SRTPNone:
	}
	return protoAVP, unguarded
}

// offerKeys are the crypto lines of our first offer: every suite with a key of its own.
func (l Local) offerKeys() []cryptoLine {
	if l.Keys == nil {
		return nil
	}
	out := make([]cryptoLine, numSuites)
	for i := range out {
		out[i] = cryptoLine{tag: i + 1, suite: Suite(i), Crypto: Crypto{Key: l.Keys[i]}}
	}
	return out
}

// withKeys are the same crypto lines with our keys as they are now: another endpoint has others.
func (l Local) withKeys(lines []cryptoLine) []cryptoLine {
	if l.Keys == nil {
		return nil
	}
	out := slices.Clone(lines)
	for i := range out {
		out[i].Key = l.Keys[out[i].suite]
	}
	return out
}

// takeKeys answers the first of the peer's crypto lines that we have a key for (RFC 4568 section 5.1.2): the same tag and suite, and an MKI
// where the peer uses one, because who sends it often wants to see it. A key that is in use keeps what it had.
func (m *Machine) takeKeys(offered []cryptoLine) (line cryptoLine, agreed *SDES, err error) {
	if m.local.Keys == nil || len(offered) == 0 {
		return line, nil, refused("no key for SRTP")
	}
	theirs := offered[0]
	line = cryptoLine{tag: theirs.tag, suite: theirs.suite, Crypto: Crypto{Key: m.local.Keys[theirs.suite], MKI: theirs.MKI}}
	if was := m.agreed.was().SDES; was != nil && was.Send.Key == line.Key {
		line.MKI = was.Send.MKI
	}
	return line, m.agreed.sdes(SDES{Suite: theirs.suite, Send: line.Crypto, Recv: theirs.Crypto}), nil
}

// answeredKeys finds the one of our crypto lines that the answer has taken.
func (m *Machine) answeredKeys(ours, answer []cryptoLine) (*SDES, error) {
	if len(answer) != 1 {
		return nil, refused("the answer does not choose one of the keys offered")
	}
	a := answer[0]
	for _, o := range ours {
		if o.tag == a.tag && o.suite == a.suite {
			return m.agreed.sdes(SDES{Suite: a.suite, Send: o.Crypto, Recv: a.Crypto}), nil
		}
	}
	return nil, refused("the answer has keys that were not asked for")
}

// sdes returns the former agreement when the new one is the same.
func (s *session) sdes(d SDES) *SDES {
	if was := s.was().SDES; was != nil && *was == d {
		return was
	}
	return &d
}
