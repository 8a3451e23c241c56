package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Identity is a self-signed certificate on disk.
type Identity struct {
	CertFile, KeyFile string
	SPKI              string // base64 SHA-256 of the public key, as Chromium's --ignore-certificate-errors-spki-list takes it
	Pool              *x509.CertPool
}

// NewIdentity makes a certificate for the loopback host.
func NewIdentity(t testing.TB) Identity {
	t.Helper()
	id, err := MakeIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// MakeIdentity makes a certificate for the loopback host in dir.
func MakeIdentity(dir string) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "drawbridge tests"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return Identity{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return Identity{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Identity{}, err
	}
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	id := Identity{
		CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		SPKI: base64.StdEncoding.EncodeToString(digest[:]), Pool: x509.NewCertPool(),
	}
	id.Pool.AddCert(cert)
	return id, errors.Join(
		os.WriteFile(id.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(id.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
