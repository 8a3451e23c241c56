package transport

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Errors of a handshake. They are wrapped with what crypto/x509 says.
var (
	ErrIdentity    = errors.New("transport: certificate does not bear the name")
	ErrCertificate = errors.New("transport: certificate not trusted")
)

// maxNames bounds what is looked at in a certificate. Chosen here: large providers have some dozens.
const maxNames = 256

// identities are the SIP domain identities of a certificate (RFC 5922 section 7.1) in lower case: sip URIs without a user part, DNS
// names when there is no such URI, the common name when there is no subjectAltName. Addresses count for themselves.
func identities(leaf *x509.Certificate) []string {
	var names []string
	for _, u := range leaf.URIs {
		if host, ok := sipDomain(u); ok {
			names = append(names, canonicalName(host))
		}
	}
	if len(names) == 0 {
		for _, n := range leaf.DNSNames {
			names = append(names, canonicalName(n))
		}
	}
	for _, a := range leaf.IPAddresses {
		names = append(names, a.String())
	}
	unnamed := len(leaf.DNSNames)+len(leaf.URIs)+len(leaf.IPAddresses)+len(leaf.EmailAddresses) == 0
	if unnamed && leaf.Subject.CommonName != "" {
		names = append(names, canonicalName(leaf.Subject.CommonName))
	}
	return names[:min(len(names), maxNames)]
}

// borne says what a certificate bears instead of a name, for the operator who has to choose one.
func borne(leaf *x509.Certificate, name string) string {
	const enough = 5
	names := identities(leaf)
	text := "it bears " + strings.Join(names[:min(len(names), enough)], ", ")
	switch {
	case slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return canonicalName(n) == canonicalName(name) }):
		text += "; a DNS name beside a sip URI does not count (RFC 5922)"
	case len(names) == 0:
		text = "it bears none"
	}
	return text
}

// sipDomain is the host of a sip URI that names a domain, no user.
func sipDomain(u *url.URL) (string, bool) {
	host, _, _ := strings.Cut(u.Opaque, ";")
	return host, strings.EqualFold(u.Scheme, "sip") && host != "" && !strings.Contains(host, "@")
}

// canonicalName is the form that names are compared in, whole: RFC 5922 section 7.2 knows no wildcards, so "*.example.com" is equal to
// itself only.
func canonicalName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// bears reports whether a certificate is good for a name.
func bears(leaf *x509.Certificate, name string) bool {
	return slices.Contains(identities(leaf), canonicalName(name))
}

// trusted verifies a chain, its own certificate first, for one of the uses. nil roots are those of the system.
func trusted(chain []*x509.Certificate, roots *x509.CertPool, uses ...x509.ExtKeyUsage) error {
	opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: uses}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return nil
}
