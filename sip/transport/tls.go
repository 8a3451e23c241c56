package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"drawbridge/sip/txn"
)

// Peer is somebody whom TLS connections go to or come from, known by the name that its certificate bears (RFC 5922).
type Peer struct {
	Realm string
	Name  string // a domain, or an address
	Keys         // CA: who alone may vouch for the name, "" leaves that to the realm's; Cert: what we show it, "" is the realm's
}

// peerKey finds a peer.
type peerKey struct{ realm, name string }

// tlsSide is what TLS needs to know in all realms.
type tlsSide struct {
	realms map[string]*keys
	peers  map[peerKey]*keys
}

// readTLS reads all certificates.
func readTLS(realms map[string]Keys, peers []Peer) (*tlsSide, error) {
	s := &tlsSide{realms: map[string]*keys{}, peers: map[peerKey]*keys{}}
	for realm, files := range realms {
		k, err := openKeys(files)
		if err != nil {
			return nil, err
		}
		s.realms[realm] = k
	}
	for _, p := range peers {
		k, err := openKeys(p.Keys)
		if err != nil {
			return nil, err
		}
		s.peers[peerKey{p.Realm, canonicalName(p.Name)}] = k
	}
	return s, nil
}

// keeping is s with the keys of the realms that only old has: a handshake there may be under way.
func (s *tlsSide) keeping(old *tlsSide) *tlsSide {
	both := &tlsSide{realms: maps.Clone(old.realms), peers: s.peers}
	maps.Copy(both.realms, s.realms)
	return both
}

// Watch reads the files of a server beside this one and reads them again when they change, as those of the realms: the WebSockets' server
// has its own. get is safe for any goroutine; forget ends the watch. Errors: those of the files.
func (t *Transport) Watch(files Keys) (get func() *tls.Certificate, forget func(), err error) {
	k, err := openKeys(files)
	if err != nil {
		return nil, nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.others = append(slices.Clip(t.others), k)
	return k.cert.Load, func() { t.forget(k) }, nil
}

func (t *Transport) forget(k *keys) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.others = slices.DeleteFunc(slices.Clone(t.others), func(o *keys) bool { return o == k })
}

func (t *Transport) allKeys() []*keys {
	var all []*keys
	side := t.tls.Load()
	for _, k := range side.realms {
		all = append(all, k)
	}
	for _, k := range side.peers {
		all = append(all, k)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(all, t.others...)
}

// server shakes hands as the server of a realm. A peer that shows a certificate is known by its names; one that shows none has none.
func (s *tlsSide) server(ctx context.Context, conn net.Conn, realm string) (net.Conn, []string, error) {
	own := s.realms[realm]
	var names []string
	c := tls.Server(conn, &tls.Config{
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, // connections are few and long: nothing is won by resuming one
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.cert.Load(), nil },
		ClientAuth:     s.asks(realm),
		VerifyConnection: func(cs tls.ConnectionState) (err error) {
			if len(cs.PeerCertificates) > 0 {
				names, err = s.proved(realm, cs.PeerCertificates)
			}
			return err
		},
	})
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	return c, names, nil
}

// expected are those of a peer's names that somebody may want to connect to.
func (s *tlsSide) expected(realm string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return s.peers[peerKey{realm, n}] == nil })
}

// asks says whether clients of a realm are asked for a certificate: when there is somebody to judge it.
func (s *tlsSide) asks(realm string) tls.ClientAuthType {
	if s.realms[realm].roots.Load() != nil {
		return tls.RequestClientCert
	}
	for p := range s.peers {
		if p.realm == realm {
			return tls.RequestClientCert
		}
	}
	return tls.NoClientCert
}

// proved returns the names that a client's certificate proves. Who vouches for a name is the CA of the peer of that name, if it has
// one, and the realm's otherwise: the CA of one trunk cannot make up another. The system's list counts for peers only. Either use of a
// certificate will do, because a SIP server is both (RFC 5924), and public CAs stop signing the client's.
func (s *tlsSide) proved(realm string, chain []*x509.Certificate) (names []string, err error) {
	err = fmt.Errorf("%w: it bears no name", ErrIdentity)
	verdicts := map[*x509.CertPool]error{}
	for _, name := range identities(chain[0]) {
		roots, peer := s.realms[realm].roots.Load(), s.peers[peerKey{realm, name}]
		switch {
		case peer != nil && peer.files.CA != "":
			roots = peer.roots.Load()
		case peer == nil && roots == nil:
			err = fmt.Errorf("%w: nobody vouches for it here", ErrCertificate)
			continue
		}
		if _, judged := verdicts[roots]; !judged {
			verdicts[roots] = trusted(chain, roots, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
		}
		if verdicts[roots] != nil {
			err = verdicts[roots]
			continue
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		return names, nil
	}
	return nil, err
}

// client shakes hands with a peer whose certificate must bear hop's name.
func (s *tlsSide) client(ctx context.Context, conn net.Conn, realm string, hop txn.Hop) (net.Conn, []string, error) {
	name := peerName(hop)
	peer, own := s.peers[peerKey{realm, name}], s.realms[realm]
	var roots *x509.CertPool
	if peer != nil {
		roots = peer.roots.Load()
	}
	if roots == nil && own != nil {
		roots = own.roots.Load()
	}
	c := tls.Client(conn, &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: sni(name),
		InsecureSkipVerify: true, // VerifyConnection does it, by the rules of RFC 5922
		VerifyConnection: func(cs tls.ConnectionState) error {
			if err := trusted(cs.PeerCertificates, roots, x509.ExtKeyUsageServerAuth); err != nil {
				return err
			}
			if !bears(cs.PeerCertificates[0], name) {
				return fmt.Errorf("%w %s: %s", ErrIdentity, name, borne(cs.PeerCertificates[0], name))
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown(peer, own), nil },
	})
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	return c, []string{name}, nil
}

// shown is our certificate for a peer; an empty one where there is none to show.
func shown(peer, own *keys) *tls.Certificate {
	for _, k := range []*keys{peer, own} {
		if k != nil && k.cert.Load() != nil {
			return k.cert.Load()
		}
	}
	return &tls.Certificate{}
}

// peerName is what the peer at the end of a hop has to be called.
func peerName(hop txn.Hop) string {
	if hop.Name == "" {
		return hop.Addr.Addr().Unmap().String()
	}
	return canonicalName(hop.Name)
}

// sni is the name as the handshake may say it: no address and no wildcard (RFC 6066 section 3).
func sni(name string) string {
	if _, err := netip.ParseAddr(name); err == nil || strings.Contains(name, "*") {
		return ""
	}
	return name
}

// handshakeFailure is what a log says of a handshake that failed: enough for the operator of either side.
func handshakeFailure(err error) string {
	const enough = 200
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "not TLS"
	}
	text := err.Error()
	return text[:min(len(text), enough)]
}
