package b2bua

import (
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// passed is what crosses from the callee's answers to the caller as it is, because both sides let it through.
type passed struct {
	fields     []wire.Field
	attributes topology.Attributes
}

// add puts the header lines into an answer of ours.
func (p *passed) add(m *wire.Message) {
	if p != nil {
		topology.Add(m, p.fields)
	}
}

// partsOf are the parts of a caller's body that its side lets in; nil for a body in one piece.
func (p *Party) partsOf(contentType string, body []byte) []wire.Part {
	if p == nil || p.Pass == nil || len(p.Pass.In.Bodies) == 0 {
		return nil
	}
	parts, err := wire.Parts(contentType, body)
	if err != nil {
		return nil // no multipart, or one that the call is refused for
	}
	return p.Pass.In.Parts(parts)
}

// carry puts into an INVITE of ours what crosses of the caller's.
func (l *sipLeg) carry(m, in *wire.Message) {
	s := l.uac.setup
	pass := topology.Through(s.Caller.Pass, l.party.Pass)
	if pass.Empty() {
		return
	}
	topology.Add(m, pass.Fields(in))
	if hasSDP(in) {
		m.Body = pass.Attributes(in.Body).Write(m.Body)
	}
	topology.Enclose(m, l.mint(), pass.Parts(s.Parts))
}

// heard is a callee's response, where something of it may cross.
func (l *sipLeg) heard(m *wire.Message) *wire.Message {
	if l.party.Pass == nil || l.party.Pass.In.Empty() {
		return nil
	}
	return m
}

// pass lets through to the caller what crosses of the response that a leg has had. The caller sees one answer: its attributes are those
// of the first response that it sees it with.
func (c *Call) pass(from LegID, said *wire.Message) {
	a, ok := c.a.(*sipLeg)
	b, sip := c.legs[from].(*sipLeg)
	if said == nil || !ok || !sip || a.uas == nil {
		return
	}
	pass := topology.Through(b.party.Pass, a.party.Pass)
	if pass.Empty() {
		return
	}
	if a.uas.passed == nil {
		a.uas.passed = &passed{}
	}
	a.uas.passed.fields = pass.Fields(said)
	if !a.uas.shown && hasSDP(said) {
		a.uas.passed.attributes = pass.Attributes(said.Body)
	}
}

// ownAnswer is our answer to the caller's offer, with what crosses of the callee's.
func (l *sipLeg) ownAnswer() []byte {
	if l.uas.passed == nil {
		return l.uas.answer
	}
	return l.uas.passed.attributes.Write(l.uas.answer)
}
