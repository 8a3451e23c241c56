package config

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
)

func (r *Report) checkRealmTLS(realm Realm, at path) {
	r.checkPair(at.at("tls"), realm.TLS.Cert, realm.TLS.Key)
	if i := slices.IndexFunc(realm.Listen, func(l Listen) bool { return l.Network == "tls" }); i >= 0 && realm.TLS.Cert == "" {
		r.Addf(at.at("listen", i), "a tls socket needs tls.cert and tls.key of the realm")
	}
}

func (r *Report) checkTrunkTLS(c *Config, name string, at path) {
	t := c.Trunks[name]
	r.checkAnywhere(t, path{"trunks", name, "sources"})
	r.checkPair(at, t.TLS.Cert, t.TLS.Key)
	realm, ok := c.Realms[t.Realm]
	switch {
	case ok && realm.listens("tls"):
	case ok && t.TLS != TrunkTLS{}:
		r.Addf(at, "realm %s does not listen on tls", t.Realm)
		return
	default:
		return
	}
	if n := t.TLS.Name; n != "" && !domainForm.MatchString(strings.TrimPrefix(n, "*.")) && !isAddress(n) {
		r.Addf(at.at("name"), "%q is not a host name or address", n)
	}
	for _, other := range slices.Sorted(maps.Keys(c.Trunks)) {
		o := c.Trunks[other]
		if other >= name || o.Realm != t.Realm || o.TLS.keys() == t.TLS.keys() {
			continue
		}
		for _, n := range o.tlsNames() {
			if slices.Contains(t.tlsNames(), n) {
				r.Addf(at, "trunk %s is %s too, with other files: a name has one certificate and one authority in a realm", other, n)
			}
		}
	}
}

// checkAnywhere refuses a trunk that everybody is: whoever knows the port could call, and the trunk would pay.
func (r *Report) checkAnywhere(t Trunk, at path) {
	if t.TLS.Name != "" {
		return
	}
	for i, s := range t.Sources {
		for _, p := range s.Prefixes {
			if p.Addr().Is4() && p.Bits() < widestPrefix4 || p.Addr().Is6() && p.Bits() < widestPrefix6 {
				r.Addf(at.at(i), "%s: everybody could call as this trunk; name its networks, or tls.name that it proves", p)
				break
			}
		}
	}
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// keys are the files alone.
func (t TrunkTLS) keys() TrunkTLS {
	t.Name = ""
	return t
}

// tlsNames are the names that the trunk's certificates may bear, lower case: the one that is said, else the hosts that may be spoken to over TLS.
func (t Trunk) tlsNames() []string {
	if t.TLS.Name != "" {
		return []string{strings.ToLower(t.TLS.Name)}
	}
	var names []string
	for _, target := range t.Targets {
		if target.Transport == "tls" || target.Transport == "" {
			names = append(names, target.Host)
		}
	}
	return names
}

// TLSPeer is a peer of a realm by the name that its certificate bears.
type TLSPeer struct {
	Realm, Name   string
	Cert, Key, CA string // files, "" for the realm's
}

// TLSPeers lists the peers of all trunks, each once.
func (s *Snapshot) TLSPeers() []TLSPeer {
	var out []TLSPeer
	for _, name := range slices.Sorted(maps.Keys(s.Trunks)) {
		t := s.Trunks[name]
		if !s.Realms[t.Realm].listens("tls") {
			continue
		}
		for _, n := range t.tlsNames() {
			p := TLSPeer{Realm: t.Realm, Name: n, Cert: s.File(t.TLS.Cert), Key: s.File(t.TLS.Key), CA: s.File(t.TLS.CA)}
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (r *Report) checkPair(at path, cert, key string) {
	if (cert == "") != (key == "") {
		r.Addf(at, "a certificate needs both cert and key")
	}
}

// checkKeys reads the files of the web port, all realms and trunks once, so that a mistake is told before the start.
func (r *Report) checkKeys(snap *Snapshot) {
	r.checkFiles(snap, path{"web", "tls"}, snap.Web.TLS.Cert, snap.Web.TLS.Key, "")
	for _, name := range slices.Sorted(maps.Keys(snap.Realms)) {
		t := snap.Realms[name].TLS
		r.checkFiles(snap, path{"realms", name, "tls"}, t.Cert, t.Key, t.CA)
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Trunks)) {
		t := snap.Trunks[name].TLS
		r.checkFiles(snap, path{"trunks", name, "tls"}, t.Cert, t.Key, t.CA)
	}
}

func (r *Report) checkFiles(snap *Snapshot, at path, cert, key, ca string) {
	if cert != "" && key != "" {
		if _, err := tls.LoadX509KeyPair(snap.File(cert), snap.File(key)); err != nil {
			r.Addf(at.at("cert"), "certificate: %v", err)
		}
	}
	if ca == "" {
		return
	}
	text, err := os.ReadFile(snap.File(ca))
	if err != nil {
		r.Addf(at.at("ca"), "authorities: %v", err)
	} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.Addf(at.at("ca"), "authorities: %s holds no certificate", ca)
	}
}
