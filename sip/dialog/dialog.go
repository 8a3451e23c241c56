package dialog

import (
	"slices"

	"drawbridge/sip/wire"
)

// ID names a dialog (RFC 3261 section 12). RemoteTag is "" when the peer speaks RFC 2543.
type ID struct{ CallID, LocalTag, RemoteTag string }

// Dialog is one dialog as this side sees it.
type Dialog struct {
	id     ID
	ends   *ends  // nil while packed
	packed string // see Pack

	localSeq  uint32
	remoteSeq uint32 // 0: none seen yet
	confirmed bool
}

// ends are the addresses of a dialog.
type ends struct {
	local   wire.Addr // with our tag
	remote  wire.Addr // with the peer's tag, if it has one
	contact wire.Addr // what we tell the peer to send to

	target wire.URI    // where the peer wants requests: its Contact
	routes []wire.Addr // route set in the order of our Route header
}

// NewUAS forms the dialog that our answer to invite creates (RFC 3261 section 12.1.1): route set in the order of Record-Route.
// localTag is the To tag of the answer, contact the Contact in it. A caller without Contact, which RFC 2543 allowed and RFC 3261 does
// not, is reached at its From.
func NewUAS(invite *wire.Message, localTag string, contact wire.Addr) (*Dialog, error) {
	if localTag == "" {
		return nil, ErrNoTag
	}
	target, ok := contactOf(invite)
	if !ok && len(invite.Contact) == 0 {
		target, ok = targetOf(invite.From)
	}
	if !ok {
		return nil, ErrNoContact
	}
	e := &ends{local: invite.To, remote: invite.From, contact: contact, target: target, routes: slices.Clone(invite.RecordRoute)}
	e.local.Params.Set("tag", localTag)
	return &Dialog{id: e.id(invite.CallID), ends: e, remoteSeq: invite.CSeq.Seq}, nil
}

// NewUAC forms the dialog of a response above 100 to our invite (RFC 3261 section 12.1.2): route set in reverse order of Record-Route,
// whatever Route the invite was sent with. A response without Contact, which provisional ones of many peers are, leaves the
// Request-URI as the target until a later one names it. A response without To tag forms a dialog with an RFC 2543 peer.
func NewUAC(invite, resp *wire.Message) (*Dialog, error) {
	switch {
	case invite.FromTag() == "":
		return nil, ErrNoTag
	case len(invite.Contact) == 0:
		return nil, ErrNoContact
	case resp.CallID != invite.CallID || resp.FromTag() != invite.FromTag() || !formsDialog(resp):
		return nil, ErrMismatch
	}
	e := &ends{
		local: invite.From, remote: invite.To, contact: invite.Contact[0],
		target: requestURI(invite.URI), routes: reversed(resp.RecordRoute),
	}
	if tag := resp.ToTag(); tag != "" {
		e.remote.Params.Set("tag", tag)
	}
	d := &Dialog{id: e.id(invite.CallID), ends: e, localSeq: invite.CSeq.Seq, confirmed: resp.Status >= 200}
	d.Refresh(resp)
	return d, nil
}

func (e *ends) id(callID string) ID {
	return ID{CallID: callID, LocalTag: e.local.Tag(), RemoteTag: e.remote.Tag()}
}

// Confirm makes an early dialog of ours a confirmed one: the 2xx with its To tag decides target and route set, which are frozen from here
// (RFC 3261 section 13.2.2.4), and the CSeq numbers go on. On a confirmed dialog it changes nothing.
func (d *Dialog) Confirm(resp *wire.Message) {
	if d.confirmed {
		return
	}
	d.Refresh(resp)
	d.open().routes = reversed(resp.RecordRoute)
	d.confirmed = true
}

// Established marks a dialog in which we are the UAS as confirmed: our 2xx has been sent.
func (d *Dialog) Established() { d.confirmed = true }

// Confirmed tells a confirmed dialog from an early one.
func (d *Dialog) Confirmed() bool { return d.confirmed }

// ID returns the dialog's identifier.
func (d *Dialog) ID() ID {
	return d.id
}

// Target is the remote target: the peer's last Contact.
func (d *Dialog) Target() wire.URI { return d.open().target }

// Local and Remote are the From and To of our requests, tags included.
func (d *Dialog) Local() wire.Addr { return d.open().local }

// Remote is the To of our requests.
func (d *Dialog) Remote() wire.Addr { return d.open().remote }

// Contact is the address we gave to the peer.
func (d *Dialog) Contact() wire.Addr { return d.open().contact }

// LocalSeq is the CSeq number of our last request.
func (d *Dialog) LocalSeq() uint32 { return d.localSeq }

// formsDialog tells a response that may create a dialog: above 100 and no failure (RFC 3261 section 12.1).
func formsDialog(resp *wire.Message) bool { return resp.Status > 100 && resp.Status < 300 }

// contactOf is the target that a message names: a URI to which a request can be sent.
func contactOf(m *wire.Message) (wire.URI, bool) {
	if len(m.Contact) == 0 {
		return wire.URI{}, false
	}
	return targetOf(m.Contact[0])
}

func targetOf(a wire.Addr) (wire.URI, bool) {
	return requestURI(a.URI), a.URI.Scheme == "sip" || a.URI.Scheme == "sips"
}

// requestURI takes off what a Request-URI must not have (RFC 3261 section 19.1.1, table 1).
func requestURI(u wire.URI) wire.URI {
	u.Headers = ""
	u.Params.Del("method")
	return u
}

func reversed(as []wire.Addr) []wire.Addr {
	r := slices.Clone(as)
	slices.Reverse(r)
	return r
}
