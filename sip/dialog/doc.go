// Package dialog keeps what a dialog remembers and builds the requests inside it (RFC 3261 section 12), and works out session timers
// (RFC 4028) as values. It is pure: no socket, clock, lock, random source or logger; its owner calls it from one goroutine.
//
// Files: dialog.go (the state), request.go (what we send), receive.go (what comes in), notify.go (RFC 6665), replaces.go (RFC 3891), pack.go
// (a dialog at rest), timer.go (RFC 4028), errors.go.
package dialog
