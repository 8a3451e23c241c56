// Package rules edits messages at the border by the operator's rows: what no switch of a profile covers.
//
//	Row (data) -> Compile: every mistake named -> Book -> Chain: the rows of some sets in order -> Apply: message in, message out
//
// A row says for which messages it is (realm, direction, request or response, method, status, conditions) and what it does to one
// element of them. Patterns are RE2: time grows with the text alone, and the text is bounded. What a message must keep (Via, CSeq,
// Call-ID, tags, lengths, routes, credentials) no row can write. Whatever was changed is written out and read again before anybody
// uses it; when that fails there is an error and no message: the caller refuses, it does not go on with what it had.
//
// Everything is pure. Files in reading order: row.go (the data), compile.go (sets), compilerow.go, element.go (the places of a message), template.go (what
// is written there), apply.go, diff.go (for people).
package rules
