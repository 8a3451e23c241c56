package dialog

import "drawbridge/sip/wire"

// Accept checks the CSeq of a request in the dialog and remembers it: 0, or 500 when it is out of order (RFC 3261 section 12.2.2). ACK
// and CANCEL carry the number of their INVITE and are not checked.
func (d *Dialog) Accept(req *wire.Message) (status int) {
	if req.Method == wire.ACK || req.Method == wire.CANCEL {
		return 0
	}
	if d.remoteSeq != 0 && req.CSeq.Seq < d.remoteSeq {
		return 500
	}
	d.remoteSeq = req.CSeq.Seq
	return 0
}

// Refresh takes over the remote target from a target refresh request, or from a provisional or 2xx response to one of ours (RFC 3261
// section 12.2.1.2). It reports whether the target changed. The route set never changes here.
func (d *Dialog) Refresh(m *wire.Message) bool {
	method, fits := m.Method, true
	if !m.IsRequest() {
		method, fits = m.CSeq.Method, formsDialog(m)
	}
	next, ok := contactOf(m)
	if !fits || !ok || !refreshes(method) {
		return false
	}
	e := d.open()
	changed := next.String() != e.target.String()
	e.target = next
	return changed
}

// Matches reports whether a request from the peer belongs to the dialog.
func (d *Dialog) Matches(req *wire.Message) bool {
	return req.CallID == d.id.CallID && req.ToTag() == d.id.LocalTag && req.FromTag() == d.id.RemoteTag
}
