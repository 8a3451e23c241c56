package config

import (
	"slices"

	"drawbridge/policy/classify"
)

// Believes reports whether what peers of the realm assert counts.
func (r Realm) Believes() bool { return r.Trust != "none" && r.Trust != "low" }

// Row is the match as it is compared. It has been checked.
func (m Match) Row() classify.Row {
	row := classify.Row{Users: m.Users, Agents: m.Agents}
	row.Hosts, _ = classify.NewHosts(m.Hosts)
	row.From, _ = classify.NewHosts(m.From)
	for _, l := range m.Listen {
		row.Local = append(row.Local, l.Addr)
	}
	return row
}

func (r *Report) checkMatch(at path, m Match, realm Realm) {
	r.checkHosts(at.at("hosts"), m.Hosts)
	r.checkHosts(at.at("from"), m.From)
	for i, l := range m.Listen {
		if !slices.Contains(realm.Listen, l) {
			r.Addf(at.at("listen", i), "%s:%s is no socket of the trunk's realm, as that writes it", l.Network, l.Addr)
		}
	}
	for i, u := range m.Users {
		if !globForm.MatchString(u) || u == "" {
			r.Addf(at.at("users", i), "%q is not a user part, with * for any rest at its end", u)
		}
	}
	for i, a := range m.Agents {
		if a == "" {
			r.Addf(at.at("agents", i), "an empty word fits every User-Agent")
		}
	}
}

// checkHosts refuses what can never be equal to the host of a message.
func (r *Report) checkHosts(at path, hosts []string) {
	for i, h := range hosts {
		if _, ok := classify.Host(h); !ok {
			r.Addf(at.at(i), "%q is neither an address nor the ASCII name of a host (other scripts are written xn--)", h)
		}
	}
}
