package dialog

import "drawbridge/sip/wire"

// NewNotified forms the dialog of a subscription whose first NOTIFY comes before the answer to its SUBSCRIBE (RFC 6665 section 4.4.1): the
// route set in the order of the NOTIFY's Record-Route, our numbers going on from the SUBSCRIBE.
func NewNotified(subscribe, notify *wire.Message) (*Dialog, error) {
	switch {
	case len(subscribe.Contact) == 0:
		return nil, ErrNoContact
	case notify.CallID != subscribe.CallID || notify.ToTag() != subscribe.FromTag() || subscribe.FromTag() == "":
		return nil, ErrMismatch
	}
	d, err := NewUAS(notify, subscribe.FromTag(), subscribe.Contact[0])
	if err != nil {
		return nil, err
	}
	d.localSeq, d.confirmed = subscribe.CSeq.Seq, true
	return d, nil
}
