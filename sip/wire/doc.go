// Package wire turns the bytes of a SIP message into typed values and back (RFC 3261 sections 7, 19, 20, 25).
//
//	raw -> Canon    one spelling: long header names, no folding, one value per line, no blanks around separators
//	    -> Parse    Message; refuses only what cannot be represented
//	    -> Validate the status owed: 0, a 4xx/5xx, or silence
//
// Read is the three in one and is what a transaction layer calls. Nothing that Read has not accepted leaves the house, and nothing
// leaves the house but through Message.Append, which writes every header from typed values and cannot be made to write a line break
// inside a value.
//
// The start line, URIs, addresses and Via values are parsed here, because the codec of github.com/emiago/sipgo/sip is safe but not strict,
// and so are plain numbers; that codec judges whatever number is not plain.
//
// Everything is pure: no socket, clock, lock, random source or logger; no goroutine. Files in reading order: message.go (the types), frame.go (their room), clone.go (what is kept of one),
// read.go (the pipeline), direct.go (its short cut), glance.go (what an INVITE that is refused unread is answered from), canon.go, parse.go,
// start.go, validate.go, salvage.go; headers.go, lex.go, params.go, uri.go, addr.go, via.go, value.go, auth.go, multipart.go (the codecs); append.go, build.go, fields.go, phrases.go (the way out); limits.go, errors.go.
package wire
