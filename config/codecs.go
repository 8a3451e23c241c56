package config

import (
	"slices"
	"strings"
)

var codecNames = []string{"opus", "G722", "PCMU", "PCMA"}

func (r *Report) checkCodecs(at path, names []string) {
	seen := map[string]bool{}
	for i, name := range names {
		switch {
		case !slices.Contains(codecNames, name):
			r.Addf(at.at(i), "unknown codec %q; there are %s", name, strings.Join(codecNames, ", "))
		case seen[name]:
			r.Addf(at.at(i), "codec %s is in the list twice", name)
		}
		seen[name] = true
	}
}

func (r *Report) checkOpus(at path, o Opus) {
	if o.Complexity < 0 || o.Complexity > 10 {
		r.Addf(at.at("complexity"), "%d is not between 0 and 10", o.Complexity)
	}
	if o.Bitrate != 0 && (o.Bitrate < 6000 || o.Bitrate > 510_000) {
		r.Addf(at.at("bitrate"), "%d is not between 6000 and 510000 bits a second", o.Bitrate)
	}
}
