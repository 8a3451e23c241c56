package web

import "errors"

// What New refuses.
var (
	ErrNoTLS       = errors.New("a TLS listener needs a certificate")
	ErrNotLoopback = errors.New("plain HTTP is for loopback addresses only")
	ErrNoPasswords = errors.New("web: JSON signalling needs CheckPassword")
)

// fault is a JSON message that cannot be served: what the client is told. The line is kept.
type fault struct {
	status int    // SIP status
	reason string // one line, never quotes the message
	call   string // "" when the message named none
}

func (f *fault) Error() string { return f.reason }

// leaving says how a line ends: the close frame's code and text.
type leaving struct {
	code int
	text string
}

func (l *leaving) Error() string { return l.text }
