package media

import (
	"slices"

	"drawbridge/media/offer"
	"drawbridge/media/srtp"
)

// mostPeerKeys are kept for a leg. Chosen here: a call has two or three, a peer may bring a new one with each offer.
const mostPeerKeys = 4

// keyring keeps the contexts of the SDES keys that a leg has used. A key that comes back, after another suite, a handshake or a stretch in
// clear, goes on where it was: what it has encrypted is never encrypted again (RFC 3711 section 9.1), and what was heard is no news (section
// 3.3.2).
type keyring struct {
	out []usedKey // ours: none is ever forgotten, there is one for each suite
	in  []usedKey // the peer's last ones, newest last
}

// usedKey is a key and all that has happened under it.
type usedKey struct {
	suite   offer.Suite
	key     offer.Key
	context *srtp.Context
}

// keepKeys lays the SDES keys aside that are in use, before others take their place.
func (g *leg) keepKeys() {
	c := g.crypt
	if c == nil || c.agreed == nil {
		return
	}
	if g.keyring == nil {
		g.keyring = new(keyring)
	}
	r, d := g.keyring, c.agreed
	r.out = keepKey(r.out, usedKey{d.Suite, d.Send.Key, c.out})
	r.in = keepKey(r.in, usedKey{d.Suite, d.Recv.Key, c.in})
	if len(r.in) > mostPeerKeys {
		r.in = slices.Delete(r.in, 0, 1)
	}
}

// keepKey puts a key behind the others, once.
func keepKey(used []usedKey, k usedKey) []usedKey {
	return append(slices.DeleteFunc(used, func(o usedKey) bool { return o.context == k.context }), k)
}

// takeUp gives c the contexts that its keys have had; true when ours has had one.
func (r *keyring) takeUp(c *crypt) (ours bool) {
	if r == nil || c.agreed == nil {
		return false
	}
	d := c.agreed
	if k := findKey(r.in, d.Suite, d.Recv.Key); k != nil {
		c.in = k.context
	}
	k := findKey(r.out, d.Suite, d.Send.Key)
	if k != nil {
		c.out = k.context
	}
	return k != nil
}

func findKey(used []usedKey, suite offer.Suite, key offer.Key) *usedKey {
	for i := range used {
		if used[i].suite == suite && used[i].key == key {
			return &used[i]
		}
	}
	return nil
}
