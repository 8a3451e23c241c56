package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.key = newKey(t)
	a.cert = sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, a.key, &a.key.PublicKey)
	a.file = filepath.Join(a.dir, "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", a.cert.Raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, with *ecdsa.PrivateKey, public *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(mathrand.Int64())
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(10*time.Hour)
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// issue writes a certificate for a DNS name, changed by change, under that name.
func (a *authority) issue(t *testing.T, name string, change ...func(*x509.Certificate)) Keys {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "x"}, DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, c := range change {
		c(template)
	}
	key := newKey(t)
	cert := sign(t, template, a.cert, a.key, &key.PublicKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k := Keys{Cert: filepath.Join(a.dir, name+".pem"), Key: filepath.Join(a.dir, name+".key")}
	writePEM(t, k.Cert, "CERTIFICATE", cert.Raw)
	writePEM(t, k.Key, "PRIVATE KEY", der)
	return k
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func pair(t *testing.T, k Keys) tls.Certificate {
	t.Helper()
	c, err := tls.LoadX509KeyPair(k.Cert, k.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tlsRealm makes realm a listen on TLS.
func tlsRealm(own Keys, peers ...Peer) func(*Config) {
	return func(c *Config) {
		c.Listeners = []Listener{{Realm: "a", Network: "tls", Addr: gatewayAt}}
		c.TLS, c.Peers = map[string]Keys{"a": own}, peers
	}
}

// shake connects a raw TLS client.
func (b *bubble) shake(t *testing.T, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn, err := b.pipes.Dial(t.Context(), peerAt, gatewayAt)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(conn, config)
	return c, c.HandshakeContext(t.Context())
}

func TestIdentities(t *testing.T) {
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, tt := range map[string]struct {
		cert x509.Certificate
		want []string
	}{
		"uri before dns":         {x509.Certificate{URIs: []*url.URL{uri("sip:Example.COM"), uri("SIP:example.net;x=y")}, DNSNames: []string{"d.example"}}, []string{"example.com", "example.net"}},
		"no users, other kinds":  {x509.Certificate{URIs: []*url.URL{uri("sip:alice@example.com"), uri("https://example.com/")}, DNSNames: []string{"D.example."}}, []string{"d.example"}},
		"common name":            {x509.Certificate{Subject: pkix.Name{CommonName: "CN.example"}}, []string{"cn.example"}},
		"common name beside san": {x509.Certificate{Subject: pkix.Name{CommonName: "cn.example"}, EmailAddresses: []string{"a@b"}}, nil},
		"address":                {x509.Certificate{IPAddresses: []net.IP{net.ParseIP("192.0.2.1")}, DNSNames: []string{"d"}}, []string{"d", "192.0.2.1"}},
	} {
		if diff := cmp.Diff(tt.want, identities(&tt.cert)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	wild := &x509.Certificate{DNSNames: []string{"*.example.com"}}
	if bears(wild, "a.example.com") || !bears(wild, "*.Example.com") {
		t.Error("a wildcard is a name like any other")
	}
}

// TestBorne: whoever reads that a certificate lacks a name, which it shows as a DNS name, is told why that does not count.
func TestBorne(t *testing.T) {
	domain := &url.URL{Scheme: "sip", Opaque: "example.com"}
	for want, cert := range map[string]*x509.Certificate{
		"it bears a.example, b.example": {DNSNames: []string{"a.example", "b.example"}},
		"it bears none":                 {EmailAddresses: []string{"a@b"}},
		"it bears example.com; a DNS name beside a sip URI does not count (RFC 5922)": {
			URIs: []*url.URL{domain}, DNSNames: []string{"SIP.example.com"},
		},
	} {
		if got := borne(cert, "sip.example.com"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestAcceptedTLS: a client with a certificate is known by its names, one without by none; Via says TLS.
func TestAcceptedTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		own := ca.issue(t, "gateway.example")
		own.CA = ca.file
		b := newBubble(t, tlsRealm(own))
		for _, tt := range []struct {
			certs []tls.Certificate
			want  []string
		}{{nil, nil}, {[]tls.Certificate{pair(t, ca.issue(t, "peer.example"))}, []string{"peer.example"}}} {
			c, err := b.shake(t, &tls.Config{RootCAs: ca.pool(), ServerName: "gateway.example", Certificates: tt.certs})
			if err != nil {
				t.Fatal(err)
			}
			peer := collect(c)
			peer.write(t, sipMessage("", "l: 0"))
			synctest.Wait()
			f := b.got.Take()[0].Flow
			if diff := cmp.Diff(tt.want, f.(txn.Identified).Identity()); diff != "" || f.Transport() != "TLS" {
				t.Errorf("%s: %s", f.Transport(), diff)
			}
			_ = f.Send([]byte("hello"))
			synctest.Wait()
			_ = peer.Close()
			if text := <-peer.heard; text != "hello" {
				t.Errorf("heard %q", text)
			}
			synctest.Wait()
			b.got.Take()
		}
		b.stop()
	})
}

// TestHandshakesRefused: none of these clients is served, each is counted, and the next good one is.
func TestHandshakesRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, other := newAuthority(t), newAuthority(t)
		own := ca.issue(t, "gateway.example")
		own.CA = ca.file
		b := newBubble(t, tlsRealm(own, Peer{Realm: "a", Name: "pinned.example", Keys: Keys{CA: other.file}}))
		with := func(k Keys) *tls.Config {
			return &tls.Config{RootCAs: ca.pool(), ServerName: "gateway.example", Certificates: []tls.Certificate{pair(t, k)}}
		}
		old := with(ca.issue(t, "ok.example"))
		old.MaxVersion = tls.VersionTLS11
		for name, config := range map[string]*tls.Config{
			"TLS 1.1":         old,
			"other authority": with(other.issue(t, "peer.example")),
			"expired": with(ca.issue(t, "late.example", func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
			})),
			"for mail":         with(ca.issue(t, "mail.example", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} })),
			"no name":          with(ca.issue(t, "none.example", func(c *x509.Certificate) { c.DNSNames, c.EmailAddresses = nil, []string{"a@b"} })),
			"a pinned name":    with(ca.issue(t, "pinned.example")), // from the realm's CA, which has no say over it
			"another's name":   with(other.issue(t, "gateway.example")),
			"the wrong server": {RootCAs: ca.pool(), ServerName: "bank.example"},
		} {
			b.refused = nil
			c, err := b.shake(t, config)
			if err == nil { // TLS 1.3 clients learn it with the first read
				_, err = c.Read(make([]byte, 1))
			}
			_ = c.NetConn().Close()
			synctest.Wait()
			if err == nil || len(b.refused) != 1 || b.refused[0].Kind != "tls" {
				t.Errorf("%s: %v, refused %v", name, err, b.refused)
			}
		}
		plain, _ := b.pipes.Dial(t.Context(), peerAt, gatewayAt)
		_, _ = plain.Write([]byte(sipMessage("", "l: 0"))) // the write fails when the gateway closes
		if n, err := plain.Read(make([]byte, 100)); n != 0 || err == nil {
			t.Errorf("plain SIP heard %d bytes, %v", n, err)
		}
		good, err := b.shake(t, with(other.issue(t, "pinned.example")))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = good.Write([]byte(sipMessage("", "l: 0")))
		synctest.Wait()
		if rs := b.got.Take(); len(rs) != 1 {
			t.Errorf("the good one: %d records", len(rs))
		}
		_ = good.Close()
		b.stop()
	})
}

// TestSlowHandshake ends after 10 s and holds up nobody.
func TestSlowHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		b := newBubble(t, tlsRealm(ca.issue(t, "gateway.example")))
		slow := b.dial(t, peerAt)
		slow.write(t, "\x16\x03\x01")
		began := time.Now()
		c, err := b.shake(t, &tls.Config{RootCAs: ca.pool(), ServerName: "gateway.example"})
		if err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		<-slow.heard
		if took := slow.ended.Sub(began); took != openWait {
			t.Errorf("ended after %v", took)
		}
		_, _ = slow.Close(), c.Close()
		b.stop()
	})
}

// remote is a TLS server at peerAt that a transport dials.
func (b *bubble) remote(config *tls.Config) <-chan *tls.Conn {
	ln := b.pipes.Listen(peerAt)
	up := make(chan *tls.Conn, 1)
	go func() {
		defer close(up)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		c := tls.Server(conn, config)
		if c.HandshakeContext(context.Background()) == nil {
			up <- c
		} else {
			_ = conn.Close()
		}
		_ = ln.Close()
	}()
	return up
}

// TestDialledTLS: the peer's certificate must bear the very name, and comes from the CA of the trunk; ours is the trunk's.
func TestDialledTLS(t *testing.T) {
	for name, tt := range map[string]struct {
		server string // name in its certificate
		hop    string
		good   bool
	}{
		"name":     {"sip.carrier.example", "SIP.carrier.example", true},
		"other":    {"sip.bank.example", "sip.carrier.example", false},
		"wildcard": {"*.carrier.example", "sip.carrier.example", false},
		"address":  {"", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca, carrier := newAuthority(t), newAuthority(t)
				own, shown := ca.issue(t, "gateway.example"), ca.issue(t, "customer.example")
				shown.CA = carrier.file
				hop := txn.Hop{Network: "tls", Addr: peerAt, Name: tt.hop}
				b := newBubble(t, tlsRealm(own, Peer{Realm: "a", Name: peerName(hop), Keys: shown}))
				cert := carrier.issue(t, "server", func(c *x509.Certificate) {
					if c.DNSNames = []string{tt.server}; tt.server == "" {
						c.DNSNames, c.IPAddresses = nil, []net.IP{net.IP(peerAt.Addr().AsSlice())}
					}
				})
				up := b.remote(&tls.Config{Certificates: []tls.Certificate{pair(t, cert)}, ClientAuth: tls.RequireAnyClientCert})
				f, err := b.tr.To("a", hop)
				if err != nil {
					t.Fatal(err)
				}
				_ = f.Send([]byte("hello"))
				c := <-up
				if !tt.good {
					time.Sleep(time.Second)
					synctest.Wait()
					if _, lost := taken(b.got.Take()); len(lost) != 1 || !errors.Is(lost[0], ErrIdentity) || b.refused[0].Kind != "tls-peer" {
						t.Errorf("lost %v, refused %v", lost, b.refused)
					}
					if c != nil {
						_ = c.NetConn().Close()
					}
					b.stop()
					return
				}
				buf := make([]byte, 10)
				n, err := c.Read(buf)
				if string(buf[:n]) != "hello" || err != nil || c.ConnectionState().PeerCertificates[0].DNSNames[0] != "customer.example" {
					t.Errorf("heard %q, %v, from %v", buf[:n], err, c.ConnectionState().PeerCertificates[0].DNSNames)
				}
				if sni := c.ConnectionState().ServerName; sni != strings.ToLower(tt.hop) {
					t.Errorf("SNI %q", sni)
				}
				if got := f.(txn.Identified).Identity(); len(got) != 1 || got[0] != peerName(hop) {
					t.Errorf("identity %v", got)
				}
				_ = c.Close()
				b.stop()
			})
		})
	}
}

// TestReuse: a connection that a peer has opened is used for requests to it once it has asked for that, to the port that it has named
// and the name that it has proved; for any other name, host or port one is dialled.
func TestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		own := ca.issue(t, "gateway.example")
		own.CA = ca.file
		b := newBubble(t, tlsRealm(own, Peer{Realm: "a", Name: "peer.example"}, Peer{Realm: "a", Name: "other.example"}))
		c, err := b.shake(t, &tls.Config{
			RootCAs: ca.pool(), ServerName: "gateway.example", Certificates: []tls.Certificate{pair(t, ca.issue(t, "peer.example"))},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(sipMessage("", "l: 0")))
		synctest.Wait()
		rs := b.got.Take()
		in := rs[0].Flow.Key()
		to := func(addr, name string) txn.FlowKey {
			f, err := b.tr.To("a", txn.Hop{Network: "tls", Addr: ap(addr), Name: name})
			if err != nil {
				t.Fatal(err)
			}
			return f.Key()
		}
		if to("198.51.100.1:5062", "peer.example") == in {
			t.Error("used without being asked")
		}
		rs[0].Flow.(txn.Aliased).Alias(5061)
		rs[0].Flow.(txn.Aliased).Alias(5063) // too late
		if to("198.51.100.1:5061", "peer.example") != in {
			t.Error("not used")
		}
		for _, other := range [][2]string{
			{"198.51.100.1:5061", "other.example"}, {"198.51.100.2:5061", "peer.example"}, {"198.51.100.1:5061", ""}, {"198.51.100.1:5063", "peer.example"},
		} {
			if to(other[0], other[1]) == in {
				t.Errorf("used for %v", other)
			}
		}
		_ = c.Close()
		synctest.Wait()
		if to("198.51.100.1:5061", "peer.example") == in {
			t.Error("used after its end")
		}
		back, err := rs[0].Flow.(txn.Returner).Return(5061)
		if err != nil || back.Key() != to("198.51.100.1:5061", "peer.example") {
			t.Errorf("its late answers go to %v: %v", back, err)
		}
		b.stop()
	})
}

// TestReturnUnproved: over TLS nobody is called back who has not proved to be a peer, wherever it called from.
func TestReturnUnproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		own := ca.issue(t, "gateway.example")
		own.CA = ca.file
		b := newBubble(t, tlsRealm(own, Peer{Realm: "a", Name: "peer.example"}))
		for _, shown := range [][]tls.Certificate{nil, {pair(t, ca.issue(t, "other.example"))}} {
			c, err := b.shake(t, &tls.Config{RootCAs: ca.pool(), ServerName: "gateway.example", Certificates: shown})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(sipMessage("", "l: 0")))
			synctest.Wait()
			f := b.got.Take()[0].Flow.(txn.Returner)
			if _, err := f.Return(5061); f.Returns() || !errors.Is(err, ErrUnproved) {
				t.Errorf("called back: %v", err)
			}
			_ = c.Close()
			synctest.Wait()
			b.got.Take()
		}
		b.stop()
	})
}

// TestReuseTCP: over TCP a source that is configured may ask for it, and no other.
func TestReuseTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) { c.Known = func(_ string, a netip.Addr) bool { return a == peerAt.Addr() } })
		for _, from := range []netip.AddrPort{ap("198.51.100.1:33333"), ap("203.0.113.5:33333")} {
			p := b.dial(t, from)
			p.write(t, sipMessage("", "l: 0"))
			synctest.Wait()
			in := b.got.Take()[0].Flow
			in.(txn.Aliased).Alias(5060)
			f, err := b.tr.To("a", txn.Hop{Network: "tcp", Addr: netip.AddrPortFrom(from.Addr(), 5060)})
			if err != nil {
				t.Fatal(err)
			}
			if used := f.Key() == in.Key(); used != (from.Addr() == peerAt.Addr()) {
				t.Errorf("%s: used %v", from, used)
			}
			_ = p.Close()
		}
		synctest.Wait()
		b.stop()
		if n, _ := b.led(); n != 0 {
			t.Errorf("%d ways left", n)
		}
	})
}

// TestCertificatesAreReadAgain: new connections see the new one, those that are up stay; half a pair changes nothing.
func TestCertificatesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		own := ca.issue(t, "gateway.example")
		var told []string
		b := newBubble(t, tlsRealm(own), func(c *Config) {
			c.Events.Lifecycle = func(e telemetry.Lifecycle) { told = append(told, e.What+": "+e.Detail) }
		})
		serial := func() (*tls.Conn, string) {
			c, err := b.shake(t, &tls.Config{RootCAs: ca.pool(), ServerName: "gateway.example"})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(sipMessage("", "l: 0")))
			return c, c.ConnectionState().PeerCertificates[0].SerialNumber.String()
		}
		replace := func(from, to string) {
			text, err := os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(to, text, 0o600)
			}
			if err == nil {
				err = os.Chtimes(to, time.Now(), time.Now()) // the clock of the bubble
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		first, old := serial()
		next := newAuthority(t)
		next.cert, next.key = ca.cert, ca.key
		k := next.issue(t, "gateway.example")

		replace(k.Cert, own.Cert)
		time.Sleep(2 * keysEvery)
		synctest.Wait()
		c, now := serial()
		_ = c.Close()
		if now != old || len(told) != 1 || !strings.HasPrefix(told[0], "certificate: the old one stays") {
			t.Errorf("half a pair: %v", told)
		}
		replace(k.Key, own.Key)
		time.Sleep(2 * keysEvery)
		synctest.Wait()
		c, now = serial()
		_ = c.Close()
		if now == old || len(told) != 2 {
			t.Errorf("still the old one: %v", told)
		}
		synctest.Wait()
		b.got.Take()
		_, _ = first.Write([]byte(sipMessage("", "l: 0")))
		synctest.Wait()
		if texts, lost := taken(b.got.Take()); len(texts) != 1 || len(lost) != 0 {
			t.Errorf("the old connection: %q, %v", texts, lost)
		}
		_ = first.Close()
		b.stop()
	})
}

func TestKeysRefused(t *testing.T) {
	ca := newAuthority(t)
	good := ca.issue(t, "gateway.example")
	for name, k := range map[string]Keys{
		"no such file": {Cert: "none", Key: good.Key}, "no such CA": {CA: "none"}, "CA without certificate": {CA: good.Key}, "wrong key": {Cert: good.Cert, Key: ca.issue(t, "x").Key},
	} {
		if _, err := New(Config{Receiver: newSink(), TLS: map[string]Keys{"a": k}}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	_, err := New(Config{Receiver: newSink(), Listeners: []Listener{{Realm: "a", Network: "tls", Addr: ap("127.0.0.1:0")}}})
	if !errors.Is(err, ErrConfig) {
		t.Errorf("no certificate: %v", err)
	}
}
