package resolve

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// query is what a URI asks for. It is comparable: the same one is looked up once.
type query struct {
	realm   string
	host    string // lower case, without the last dot
	port    int    // 0: none written
	network string // "": none written
	secure  bool   // sips
}

// newQuery reads a URI. maddr is not obeyed: who writes it would choose whom we send to (RFC 3263 section 4 meant networks of friends).
func newQuery(realm string, u wire.URI) query {
	return query{
		realm: realm, host: strings.TrimSuffix(strings.ToLower(u.Host), "."), port: u.Port,
		network: strings.ToLower(u.Params.Get("transport")), secure: u.Scheme == "sips",
	}
}

// question is one question to the DNS.
type question struct {
	name string
	kind uint16
}

// records is the answer to one question, of the kind asked for.
type records struct {
	addrs []netip.Addr
	srv   []srv
	naptr []naptr
}

// plan makes hops of a query as RFC 3263 section 4 says, from what is known. What it lacks it names; it is run again with more.
type plan struct {
	query
	realm Realm
	known func(question) (records, bool)

	hops    []txn.Hop
	missing []question
	foreign uint64 // answers refused
}

func (p *plan) run() {
	if a, err := netip.ParseAddr(p.host); err == nil {
		p.number(a)
		return
	}
	switch network, ok := p.written(); {
	case !ok || p.host == "" || nowhere(p.host):
	case p.port != 0:
		p.addresses(network, p.host, p.port)
	case p.network != "" || p.secure && p.network == "":
		p.explicit(network)
	default:
		p.discover()
	}
	if len(p.hops) > maxHops {
		p.hops = p.hops[:maxHops]
	}
}

// nowhere finds the name that must not be looked up (RFC 6761 section 6.4): browsers write it.
func nowhere(host string) bool { return host == "invalid" || strings.HasSuffix(host, ".invalid") }

// number is the simple case: nothing is asked, and nothing is refused that the operator has written.
func (p *plan) number(a netip.Addr) {
	network, ok := p.written()
	a = a.Unmap()
	if ok && p.realm.asks(network, a.Is6()) {
		p.hops = append(p.hops, txn.Hop{Network: network, Addr: netip.AddrPortFrom(a, uint16(p.portOf(network))), Strict: p.network == "udp"})
	}
}

// written is the network that the URI names: UDP when it is silent, TLS for sips, which allows nothing else here.
func (p *plan) written() (string, bool) {
	switch {
	case p.secure && (p.network == "" || p.network == "tcp" || p.network == "tls"):
		return "tls", true
	case p.secure:
		return "", false
	case p.network == "":
		return "udp", true
	case p.network == "udp", p.network == "tcp", p.network == "tls":
		return p.network, true
	}
	return "", false
}

func (p *plan) portOf(network string) int {
	switch {
	case p.port != 0:
		return p.port
	case network == "tls":
		return 5061
	}
	return 5060
}

// labels of the SRV names (RFC 3263 section 4.1; RFC 3261 registers _sips._tcp for TLS).
var labels = map[string]string{"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}

// explicit looks for the servers of one network, else for the host itself.
func (p *plan) explicit(network string) {
	if found := p.service(network, labels[network]+p.host); !found && len(p.missing) == 0 {
		p.addresses(network, p.host, p.portOf(network))
	}
}

// services of NAPTR records that lead to a network we may speak.
var services = map[string]string{"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}

// discover lets the domain choose the network: NAPTR, else whatever SRV names there are, else its own address.
func (p *plan) discover() {
	all, known := p.ask(p.host, dns.TypeNAPTR)
	if !known {
		return
	}
	found, listed := false, false
	for _, n := range byPreference(all.naptr) {
		network := services[n.service]
		if network == "" || !p.realm.sends(network) {
			continue
		}
		listed = true
		found = p.service(network, n.replacement) || found
	}
	if !listed {
		for _, network := range []string{"udp", "tcp", "tls"} {
			if p.realm.sends(network) {
				found = p.service(network, labels[network]+p.host) || found
			}
		}
	}
	if network, ok := p.written(); ok && !found && len(p.missing) == 0 {
		p.addresses(network, p.host, p.portOf(network))
	}
}

// service adds the servers behind an SRV name. found says that there are records, be it the one that says "no such service".
func (p *plan) service(network, name string) (found bool) {
	all, _ := p.ask(name, dns.TypeSRV)
	for _, s := range ordered(all.srv) {
		if s.target != "" && !nowhere(s.target) && s.port != 0 {
			p.addresses(network, s.target, int(s.port))
		}
	}
	return len(all.srv) > 0
}

// addresses adds the hops of a host.
func (p *plan) addresses(network, host string, port int) {
	var v4, v6 records
	if p.realm.asks(network, false) {
		v4, _ = p.ask(host, dns.TypeA)
	}
	if p.realm.asks(network, true) {
		v6, _ = p.ask(host, dns.TypeAAAA)
	}
	for _, a := range p.realm.Family.families(v4.addrs, v6.addrs) {
		if p.realm.foreign(a) {
			p.foreign++
			continue
		}
		p.add(txn.Hop{Network: network, Addr: netip.AddrPortFrom(a, uint16(port))})
	}
}

// add keeps a hop once. Over TLS the peer proves the name that was asked for, not the one that DNS led to (RFC 5922 section 4).
func (p *plan) add(h txn.Hop) {
	h.Strict = p.network == "udp" && h.Network == "udp"
	if h.Network == "tls" {
		h.Name = p.host
	}
	if !slices.Contains(p.hops, h) {
		p.hops = append(p.hops, h)
	}
}

// ask looks into what is known, and notes what is not.
func (p *plan) ask(name string, kind uint16) (records, bool) {
	q := question{name, kind}
	rec, ok := p.known(q)
	if !ok && !slices.Contains(p.missing, q) {
		p.missing = append(p.missing, q)
	}
	return rec, ok
}
