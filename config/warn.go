package config

import (
	"maps"
	"slices"
)

// warnings are what is allowed and still worth a word, with its place in the file.
func (r *Report) warnings(c *Config) []string {
	var out []string
	warn := func(at path, format string, args ...any) {
		w := &Report{File: r.File, tree: r.tree, env: r.env}
		w.Addf(at, format, args...)
		out = append(out, w.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Realms)) {
		realm := c.Realms[name]
		for i, l := range realm.Listen {
			if realm.Open && sdes(realm.SRTP) && l.Network != "tls" {
				warn(path{"realms", name}.at("listen", i), "srtp: %s sends the keys of media in the SIP messages, and over %s everybody on the way can read them", realm.SRTP, l.Network)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Trunks)) {
		t := c.Trunks[name]
		if t.Auth.User != "" && t.Auth.Realm == "" {
			warn(path{"trunks", name, "auth"}, "without realm, challenges within calls, such as of our BYE, go unanswered: anybody behind the trunk could ask there")
		}
		for i, target := range t.Targets {
			if sdes(t.SRTP) && target.Transport != "tls" {
				warn(path{"trunks", name}.at("targets", i), "srtp: %s sends the keys of media in the SIP messages, and without ;transport=tls everybody on the way can read them", t.SRTP)
			}
		}
	}
	nested(c, warn)
	return out
}

// sdes reports whether a word of srtp puts keys into the SDP.
func sdes(word string) bool { return word == "sdes" || word == "optional" }
