// Package topology decides what the far side of a call may see. It is an allow-list: what no function here puts into a message does
// not cross the border (docs: ARCHITECTURE.md; RFC 5853 section 3.1). It is pure: values in, values out.
//
// invite.go builds the INVITE towards the callee, privacy.go hides the caller who asks for it, status.go says which final status the
// caller may be told; outside.go does the same for requests outside calls, event.go for what subscriptions say, body.go lets their bodies
// through, xml.go those that name people and places. told.go reads what an INVITE says of people from where its peer's profile has it, dress.go
// writes it for another peer: diversion.go forwardings, uui.go user-to-user information, signed.go which Identity may go along; pass.go lets
// through what both sides name, trim.go leaves out what the peer cannot bear. reason.go maps SIP statuses and Q.850 causes and writes and
// reads the Reason header.
package topology
