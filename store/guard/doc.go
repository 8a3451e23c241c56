// Package guard is the door of the border: it keeps what policy/shield remembers of each source, and the access lists: who is denied, until
// when and why, and who is allowed whatever happens. Transport and web ask it before they look at anything; it hears the events of all
// parts and bans by itself.
//
// Order of judgement: the allow list, then the deny list, then the rate. A trunk is never banned by itself, nor is what never_block
// names: their alarms are one step more severe instead. IPv4 addresses within IPv6 are IPv4 addresses, and an IPv6 customer is a /64.
//
// A source over UDP may be forged, so a ban may hit somebody who has done nothing. That is why bans are short, why a source that has
// registered or been answered is given ten times as much of everything and never banned for its rate, and why trunks are spared.
//
// Files: config.go, guard.go (what the others ask), watch.go (offences, bans), entries.go (the lists as the operator sees them),
// prefixes.go (addresses), names.go (patterns), file.go (kept over a restart), nft.go (the kernel's set), errors.go.
//
// All methods may be called from any goroutine. Run has one, which writes what has changed and drops what has expired.
package guard
