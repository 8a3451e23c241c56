package dialog

import "errors"

// What keeps a message from forming a dialog (RFC 3261 section 12.1).
var (
	ErrNoContact = errors.New("dialog: no usable Contact")
	ErrNoTag     = errors.New("dialog: no local tag")
	ErrMismatch  = errors.New("dialog: response does not belong to the request")
)
