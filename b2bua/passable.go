package b2bua

import (
	"slices"
	"strings"

	"drawbridge/policy"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// Refusals of calls that have routes, but none that they may take.
var (
	looped = &policy.Decision{Status: 482, Rule: "loop"}
	noTLS  = &policy.Decision{Status: 480, Rule: "sips/no-tls"}
)

// passable leaves the candidates that this call may take. An INVITE that has been here before may end at one of our accounts, which is a
// trunk handing a number back to us; sent to a trunk once more it would go round for ever (RFC 5393 section 4.1 tells loop from spiral in
// the same spirit). A sips: call keeps to TLS; a target that DNS has to be asked for is judged when its hops are known. no is why nothing
// was left.
func (c *Call) passable(all []Candidate) (left []Candidate, no *policy.Decision) {
	return c.setup.passable(all)
}

func (s *Setup) passable(all []Candidate) (left []Candidate, no *policy.Decision) {
	if !s.Returned && !s.Secure {
		return all, nil
	}
	for _, cand := range all {
		if s.Returned && cand.Callee.Trunk {
			no = looped
			continue
		}
		if s.Secure && !cand.unresolved() {
			cand.Targets = slices.DeleteFunc(slices.Clone(cand.Targets), func(t Target) bool { return t.Flow != nil && !overTLS(t.Flow) })
			if len(cand.Targets) == 0 {
				no = noTLS
				continue
			}
		}
		left = append(left, cand)
	}
	if len(left) > 0 {
		no = nil
	}
	return left, no
}

// overTLS reports whether nobody on the way can read or change what is sent along a flow.
func overTLS(f txn.Flow) bool { return f.Transport() == "TLS" || f.Transport() == "WSS" }

// returned reports whether a request carries a Via of ours: the branch is a token that nobody else can make.
func (s *Switch) returned(m *wire.Message) bool {
	return slices.ContainsFunc(m.Via, func(v wire.Via) bool {
		token, ok := strings.CutPrefix(v.Params.Get("branch"), "z9hG4bK")
		if !ok {
			return false
		}
		_, ours := s.cfg.Core.ShardOf(token)
		return ours
	})
}

// scheme is that of our Contact: in a sips: call it is sips, too (RFC 3261 section 12.1.1).
func (l *sipLeg) scheme() string {
	if l.secure {
		return "sips"
	}
	return "sip"
}
