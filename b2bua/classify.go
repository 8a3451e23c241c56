package b2bua

import (
	"drawbridge/policy"
	"drawbridge/policy/classify"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// saidIn is what a request says of where it comes from.
func saidIn(f txn.Flow, m *wire.Message) classify.Source {
	return classify.Source{
		Local: f.Key().Local, Host: m.URI.Host, From: m.From.URI.Host, User: wire.Unescape(m.From.URI.User), Agent: m.Get("User-Agent"),
	}
}

// pretends refuses a request that names hosts which its side of the border has no business with. Numbers without a host (tel:, urn:) name
// none, nor does a caller who is not to be named; our own socket and domain may always be addressed.
func (v *view) pretends(f txn.Flow, m *wire.Message) *policy.Decision {
	r := v.Realms[f.Realm()]
	foreign := func(host string) bool { return host != "" && host != r.Domain && !r.Hosts.Has(host) }
	switch {
	case len(r.Hosts) == 0:
	case foreign(m.URI.Host) && m.URI.Host != txn.SentByHost(f), foreign(m.From.URI.Host) && m.From.URI.Host != "anonymous.invalid":
		return &policy.Decision{Status: 403, Rule: "identity/domain"}
	}
	return nil
}
