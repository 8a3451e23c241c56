package b2bua

import (
	"net/netip"
	"strings"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// routes turns the candidates of policy/route into targets that can be dialled: each target of a trunk in its turn, the contacts of an
// account all at once, as far as they share a realm and with it a media endpoint.
func (s *Switch) routes(a AskRoutes) Routed {
	found := s.cfg.Routes(a.Realm, a.Number)
	if len(found) == 0 {
		return Routed{Status: 404, Rule: "route/none"}
	}
	r := Routed{Status: 480}
	for _, c := range found {
		if t := s.trunks[c.Trunk]; c.Trunk != "" && t != nil {
			r.Status = 503
			r.Candidates = append(r.Candidates, s.viaTrunk(t, a.Number, c.Rule)...)
			continue
		}
		if c.User != "" {
			r.Candidates = append(r.Candidates, s.toAccount(c.User, c.Rule)...)
		}
	}
	return r
}

// viaTrunk makes one candidate of each target of a trunk. Host names are not resolved here: such a target is left out.
func (s *Switch) viaTrunk(t *trunkSlots, number, rule string) []Candidate {
	var all []Candidate
	for _, u := range t.trunk.Targets {
		f, err := s.flowTo(t.party, u)
		if err != nil {
			continue
		}
		u.User = number
		all = append(all, Candidate{Callee: t.party, Targets: []Target{{Flow: f, Contact: wire.Addr{URI: u}}}, Rule: rule})
	}
	return all
}

// target is the way to a host of a trunk that the trunk itself has named.
func (s *Switch) target(a AskTarget) Routed {
	f, err := s.flowTo(a.Callee, a.URI)
	if err != nil {
		return Routed{Status: 503}
	}
	return Routed{Candidates: []Candidate{{Callee: a.Callee, Targets: []Target{{Flow: f, Contact: wire.Addr{URI: a.URI}}}, Rule: "redirect"}}}
}

func (s *Switch) flowTo(p Party, u wire.URI) (txn.Flow, error) {
	host, port := u.HostPort()
	a, err := netip.ParseAddr(host)
	if err != nil || s.cfg.Flow == nil {
		return nil, ErrNoWay
	}
	network, ok := u.Params.Lookup("transport")
	if !ok {
		network = "udp"
	}
	return s.cfg.Flow(p.Realm.Name, p.named(txn.Hop{Network: strings.ToLower(network), Addr: netip.AddrPortFrom(a, uint16(port))}))
}

// named asks a hop of the trunk for the name that its certificate has to bear, whatever it was looked up by.
func (p *Party) named(hop txn.Hop) txn.Hop {
	if hop.Network == "tls" && p.TLSName != "" {
		hop.Name = p.TLSName
	}
	return hop
}

// toAccount groups the contacts of an account by realm, in the order they were found.
func (s *Switch) toAccount(user, rule string) []Candidate {
	var all []Candidate
	at := map[string]int{}
	for _, t := range s.cfg.Locate(user) {
		realm := ""
		if t.Line != nil {
			realm = t.Line.Realm()
		} else {
			realm = t.Flow.Realm()
		}
		i, known := at[realm]
		if !known {
			i = len(all)
			at[realm] = i
			all = append(all, Candidate{Callee: s.cfg.account(user, realm), Rule: rule})
		}
		all[i].Targets = append(all[i].Targets, t)
	}
	return all
}
