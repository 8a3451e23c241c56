package dialog

import (
	"slices"

	"drawbridge/sip/wire"
)

// Request returns a new request inside the dialog with the next CSeq number (RFC 3261 section 12.2.1.1). The transaction layer adds the
// Via; the caller adds body and further headers. ACK and CANCEL are not built here.
func (d *Dialog) Request(method wire.Method) *wire.Message {
	d.localSeq++
	m := d.build(method, d.localSeq)
	if refreshes(method) {
		m.Contact = []wire.Addr{d.contact}
	}
	return m
}

// Again returns a copy of a request of this dialog to be sent anew, after a challenge: the next CSeq number, no Via.
func (d *Dialog) Again(m *wire.Message) *wire.Message {
	d.localSeq++
	next := *m
	next.Via, next.Fields = nil, slices.Clone(m.Fields)
	next.CSeq.Seq = d.localSeq
	return &next
}

// Ack returns the ACK to a 2xx: the number of the INVITE, the dialog's route set and target (RFC 3261 section 13.2.2.4).
func (d *Dialog) Ack(inviteCSeq uint32) *wire.Message { return d.build(wire.ACK, inviteCSeq) }

func (d *Dialog) build(method wire.Method, seq uint32) *wire.Message {
	uri, route := d.way()
	m := wire.NewRequest(method, uri)
	m.Route, m.From, m.To, m.CallID = route, d.local, d.remote, d.callID
	m.CSeq = wire.CSeq{Seq: seq, Method: method}
	return m
}

// NextHop is the URI that decides where a request of this dialog is sent.
func (d *Dialog) NextHop() wire.URI {
	if len(d.routes) > 0 {
		return d.routes[0].URI
	}
	return d.target
}

// way returns Request-URI and Route. With a strict router first, the request is addressed to it and the target moves to the end of
// the Route (RFC 3261 section 12.2.1.1).
func (d *Dialog) way() (wire.URI, []wire.Addr) {
	if len(d.routes) == 0 || d.routes[0].URI.LooseRouter() {
		return d.target, slices.Clip(d.routes) // a request that appends to its Route must not write into ours
	}
	route := make([]wire.Addr, 0, len(d.routes))
	route = append(route, d.routes[1:]...)
	return requestURI(d.routes[0].URI), append(route, wire.Addr{URI: d.target})
}

// refreshes lists the methods that carry a Contact and refresh the target (RFC 3261 section 12.2.1.2, RFC 3311, 6665, 3515).
func refreshes(m wire.Method) bool {
	switch m {
	case wire.INVITE, wire.UPDATE, wire.SUBSCRIBE, wire.NOTIFY, wire.REFER:
		return true
	default: // no method gets this right by being new
		return false
	}
}
