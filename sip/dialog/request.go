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
		m.Contact = []wire.Addr{d.open().contact}
	}
	return m
}

// Again returns a copy of a request of this dialog to be sent anew, after a challenge: the next CSeq number, no Via.
func (d *Dialog) Again(m *wire.Message) *wire.Message {
	d.localSeq++
	return m.Anew(d.localSeq)
}

// Ack returns the ACK to a 2xx: the number of the INVITE, the dialog's route set and target (RFC 3261 section 13.2.2.4).
func (d *Dialog) Ack(inviteCSeq uint32) *wire.Message { return d.build(wire.ACK, inviteCSeq) }

func (d *Dialog) build(method wire.Method, seq uint32) *wire.Message {
	uri, route := d.way()
	m := wire.NewRequest(method, uri)
	m.Route, m.From, m.To, m.CallID = route, d.open().local, d.open().remote, d.id.CallID
	m.CSeq = wire.CSeq{Seq: seq, Method: method}
	return m
}

// NextHop is the URI that decides where a request of this dialog is sent.
func (d *Dialog) NextHop() wire.URI {
	e := d.open()
	if len(e.routes) > 0 {
		return e.routes[0].URI
	}
	return e.target
}

// way returns Request-URI and Route. With a strict router first, the request is addressed to it and the target moves to the end of
// the Route (RFC 3261 section 12.2.1.1).
func (d *Dialog) way() (wire.URI, []wire.Addr) {
	e := d.open()
	if len(e.routes) == 0 || e.routes[0].URI.LooseRouter() {
		return e.target, slices.Clip(e.routes) // a request that appends to its Route must not write into ours
	}
	route := make([]wire.Addr, 0, len(e.routes))
	route = append(route, e.routes[1:]...)
	return requestURI(e.routes[0].URI), append(route, wire.Addr{URI: e.target})
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
