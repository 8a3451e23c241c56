package media

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateLife is how long a certificate is given to new legs. Chosen here: long against calls, short against whoever steals one.
const certificateLife = 24 * time.Hour

// certificate is the process's own: one for all legs of its time, another one in each process, so that a browser notices a restart and
// shakes hands again. A leg keeps the one that its SDP has shown.
type certificate struct {
	tls         tls.Certificate
	fingerprint string
}

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("media: key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("media: serial: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "drawbridge"},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().AddDate(5, 0, 0), // trust is in the fingerprint; the dates only please strict clients
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("media: certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der) // once, and not in every handshake
	if err != nil {
		return nil, fmt.Errorf("media: certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return &certificate{
		tls:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		fingerprint: "sha-256 " + colonHex(sum[:]),
	}, nil
}

// colonHex is the notation of RFC 8122 section 5.
func colonHex(b []byte) string {
	var s strings.Builder
	for i, x := range b {
		if i > 0 {
			s.WriteByte(':')
		}
		s.WriteString(strings.ToUpper(hex.EncodeToString([]byte{x})))
	}
	return s.String()
}

// matches tells whether a certificate has the fingerprint of an SDP ("sha-256 AB:CD:..."). Weak hashes match nothing.
func matches(fingerprint string, der []byte) bool {
	algorithm, value, _ := strings.Cut(fingerprint, " ")
	want, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(value), ":", ""))
	if err != nil || len(der) == 0 {
		return false
	}
	var got []byte
	switch strings.ToLower(algorithm) {
	case "sha-256":
		sum := sha256.Sum256(der)
		got = sum[:]
	case "sha-384":
		sum := sha512.Sum384(der)
		got = sum[:]
	case "sha-512":
		sum := sha512.Sum512(der)
		got = sum[:]
	}
	return len(got) > 0 && subtle.ConstantTimeCompare(got, want) == 1
}

// rotate gives new legs another certificate from time to time.
func (e *Engine) rotate(ctx context.Context, every time.Duration) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		cert, err := newCertificate()
		if err != nil {
			return err // there is no randomness left: nothing of ours can go on
		}
		e.cert.Store(cert)
	}
}
