// Package classify tells who a request comes from and whether it may say what it says of its origin: hosts in one form, and the rows that tell
// peers apart which share an address. It is pure: values in, values out.
//
// Files: host.go (names and addresses in one form), row.go (what makes a request a peer's).
package classify
