package registrar

import (
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// bulk judges the contacts of a PBX that registers for all of its numbers at once (RFC 6140): each is an address with bnc and without a
// user, where the numbers go. Which numbers these are is configured; the PBX does not say it. status is 0, or what the request is owed.
func (r *Registrar) bulk(by *accounts, f txn.Flow, m *wire.Message, user string) (status int) {
	for i := range m.Contact {
		u := &m.Contact[i].URI
		if _, bulk := u.Params.Lookup("bnc"); !bulk {
			continue
		}
		switch {
		case u.User != "", !m.HasOption("Require", "gin"): // section 5.2
			return 400
		case !by.bulk(user):
			r.reject(f, m, 403, "register/bulk")
			return 403
		}
		u.Params.Del("user") // section 5.3: to be overlooked
	}
	return 0
}
