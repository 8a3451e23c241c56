package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTLSPeers: a peer is known by the name that is said, else by each host that it may be spoken to by over TLS; once each.
func TestTLSPeers(t *testing.T) {
	dir := t.TempDir()
	s := mustParse(t, strings.ReplaceAll(`
users: {local: [{name: a, password: x}]}
realms:
  access: {media: {udp: 1}}
  c: {listen: ["udp:203.0.113.9:5060", "tls:203.0.113.9:5061"], tls: {cert: DIR/cert.pem, key: DIR/key.pem}}
  d: {listen: ["udp:203.0.113.9:5070"], media: {ports: 30000-30999}}
trunks:
  a: {realm: c, targets: ["sip:SBC.example.com;transport=tls", "sip:198.51.100.7;transport=udp", "sip:198.51.100.8;transport=tls"]}
  b: {realm: c, targets: ["sip:sbc.example.com"]}
  n: {realm: c, targets: ["sip:198.51.100.9;transport=tls"], tls: {name: "*.Carrier.example", ca: DIR/cert.pem}}
  o: {realm: d, targets: ["sip:none.example"]}
`, "DIR", certificate(t, dir)))
	want := []TLSPeer{
		{Realm: "c", Name: "sbc.example.com"}, {Realm: "c", Name: "198.51.100.8"}, {Realm: "c", Name: "*.carrier.example", CA: filepath.Join(dir, "cert.pem")},
	}
	if d := cmp.Diff(want, s.TLSPeers()); d != "" {
		t.Error(d)
	}
	if s.File("") != "" || s.File("/x") != "/x" || s.File("x") != "x" {
		t.Error("file names")
	}
}

// certificate writes cert.pem and key.pem into dir and returns it.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err1 := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	err3 := os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600)
	err4 := os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return dir
}
