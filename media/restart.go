package media

import "drawbridge/media/offer"

// A browser that begins ICE anew (RFC 8445 section 9) gets new credentials in our answer, which come here with the stream. Nothing else
// changes: DTLS association, keys, SSRC and clocks stay, and media goes to the old pair until a check nominates another one. A restart that
// leads nowhere leaves the call on the old pair. We begin none ourselves: our address does not change, and that a path is broken is for the
// browser to find out.

// maxCredentials is how many a leg has at once: those of the answer before may still be asked for, and a page may restart as often as it
// likes. Chosen here.
const maxCredentials = 4

// restart takes new credentials of ours. Those that somebody else has, one chance in 2^80, are not taken over: the browser's checks fail.
func (g *leg) restart(ours offer.Local) {
	if g.profile != offer.WebRTC || ours.Ufrag == "" || g.owns(ours.Ufrag) {
		return
	}
	c := &credential{leg: g, ufrag: ours.Ufrag, pwd: ours.Pwd}
	if !g.session.engine.know(c) {
		return
	}
	if len(g.credentials) == maxCredentials {
		g.dismiss(g.idlest())
	}
	g.credentials = append(g.credentials, c)
}

func (g *leg) owns(ufrag string) bool {
	for _, c := range g.credentials {
		if c.ufrag == ufrag {
			return true
		}
	}
	return false
}

// idlest is the credential whose last check is longest ago, of several the oldest: never the one that carries the call.
func (g *leg) idlest() int {
	at := 0
	for i, c := range g.credentials {
		if c.checked < g.credentials[at].checked {
			at = i
		}
	}
	return at
}

// heed notes a verified check by a credential, and dismisses older ones that the browser has left: the newest has been validated, and they have not
// been heard of for as long as consent lasts. A check by one of those comes too late, and heed says no. Until then old ones are answered
// like new ones: checks are in flight, and Chromium may stay on a pair that it made before the restart, with our old user fragment.
func (g *leg) heed(l *loop, c *credential) bool {
	newest := g.credentials[len(g.credentials)-1]
	if newest.checked != 0 {
		for i := len(g.credentials) - 2; i >= 0; i-- {
			if l.now-g.credentials[i].checked > int64(consentLimit) {
				g.dismiss(i)
			}
		}
	}
	if !g.owns(c.ufrag) {
		return false
	}
	c.checked = l.now
	return true
}

// dismiss ends the validity of one of the leg's credentials.
func (g *leg) dismiss(i int) {
	g.session.engine.forget(g.credentials[i])
	g.credentials = append(g.credentials[:i], g.credentials[i+1:]...)
}
