package offer

import "fmt"

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

// suites are the names on the wire, and the bytes of master key and salt together.
var suites = [numSuites]struct {
	name string
	size int
}{
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
