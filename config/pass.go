package config

import (
	"slices"

	"drawbridge/policy/profile"
	"drawbridge/topology"
)

// Passes are the allow-lists of a side. What the list in of one side and the list out of the other name crosses; nothing else does
// besides what the gateway writes itself.
type Passes struct {
	In  Pass `yaml:"in" doc:"What comes from there."`
	Out Pass `yaml:"out" doc:"What goes there."`
}

// Pass names what may cross.
type Pass struct {
	Headers []string `yaml:"headers" doc:"Headers, such as X-Call-Reference: of requests outside dialogs, and of the answers to INVITEs."`
	Bodies  []string `yaml:"bodies" doc:"Media types of further parts of an INVITE's body, such as application/pidf+xml."`
	SDP     []string `yaml:"sdp" doc:"Attributes of the first offer and its answer, such as x-note."`
}

// Lists are the allow-lists as the calls have them, nil when they are empty.
func (p Passes) Lists() *topology.Passes {
	of := func(p Pass) topology.Pass { return topology.Pass{Headers: p.Headers, Bodies: p.Bodies, SDP: p.SDP} }
	lists := topology.Passes{In: of(p.In), Out: of(p.Out)}
	if lists.Empty() {
		return nil
	}
	return &lists
}

// Join is what one of two sides names.
func (p Passes) Join(q Passes) Passes {
	join := func(a, b Pass) Pass {
		return Pass{slices.Concat(a.Headers, b.Headers), slices.Concat(a.Bodies, b.Bodies), slices.Concat(a.SDP, b.SDP)}
	}
	return Passes{join(p.In, q.In), join(p.Out, q.Out)}
}

func (r *Report) checkPasses(at path, p Passes) {
	for _, way := range []struct {
		key string
		Pass
	}{{"in", p.In}, {"out", p.Out}} {
		at := at.at(way.key)
		r.checkPass(at.at("headers"), way.Headers, "header", profile.Crosses)
		r.checkPass(at.at("bodies"), way.Bodies, "media type", profile.CrossesBody)
		r.checkPass(at.at("sdp"), way.SDP, "SDP attribute", profile.CrossesSDP)
	}
}

func (r *Report) checkPass(at path, names []string, what string, crosses func(string) bool) {
	for i, name := range names {
		if !crosses(name) {
			r.Addf(at.at(i), "%q is no %s that may cross as it is: it has another form on the other side, or the gateway's own, or it is none", name, what)
		}
	}
}
