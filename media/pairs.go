package media

import "net/netip"

// A browser may have several pairs that checks have verified, and media goes to one of them: the one that it has nominated, as long as the
// browser is there. Consent is a pair's (RFC 7675 section 5.1). Checks from one address say nothing of another: whoever has named a victim
// in a single check with a forged source would have it sent media for as long as the call lasts (T19).

// icePair is a verified 5-tuple of a leg.
type icePair struct {
	door    int
	via     *loop // whose socket its packets come in on
	to      sockaddr
	checked int64 // time of the last verified check
	ahead   uint8 // its checks since the last one of the selected pair; stays at overtaken
}

// ice is what a leg knows of its browser's paths.
type ice struct {
	pairs    []icePair
	selected netip.AddrPort // media goes here; the first verified until one is nominated
	last     int64          // time of the last verified check of any pair; 0 before the first and after consent is lost
}

// learn takes the source of a verified check.
func (g *leg) learn(l *loop, d *door, via *loop, to sockaddr, nominates bool) {
	first := g.ice.last == 0
	g.ice.last = l.now
	if g.known(to.addr) == nil {
		g.addPair(l, icePair{door: d.id, via: via, to: to})
	}
	p := g.known(to.addr)
	g.checked(l, p)
	g.vouch(l, p)
	if first || nominates || g.overtakes(l, p) {
		g.choose(p)
	}
	if first {
		l.arm(&g.timers[timerConsent], l.now+int64(consentLimit))
		g.session.stage(EventICE, g.id, "ice")
		g.callOut(l)
	}
}

// checked notes a verified check of a pair.
func (g *leg) checked(l *loop, p *icePair) {
	p.checked = l.now
	if p.to.addr != g.ice.selected {
		p.ahead = min(p.ahead+1, overtaken)
		return
	}
	for i := range g.ice.pairs {
		g.ice.pairs[i].ahead = 0
	}
}

// overtakes tells whether the browser lives on a pair that it has not nominated: that one is checked again and again, and the selected one
// not at all for longer than any browser pauses. Its path has died, or it has never been the browser's.
func (g *leg) overtakes(l *loop, p *icePair) bool {
	was := g.known(g.ice.selected)
	return was == nil || p.ahead == overtaken && l.now-was.checked >= int64(guestSilence)
}

// choose makes a pair the one that media goes to.
func (g *leg) choose(p *icePair) {
	if g.ice.selected != p.to.addr {
		for i := range g.ice.pairs {
			g.ice.pairs[i].ahead = 0
		}
	}
	g.ice.selected = p.to.addr
	g.to, g.door, g.open = p.to, p.door, true
}

// known returns the pair of a source, nil when no check has verified it.
func (g *leg) known(src netip.AddrPort) *icePair {
	for i := range g.ice.pairs {
		if g.ice.pairs[i].to.addr == src {
			return &g.ice.pairs[i]
		}
	}
	return nil
}

// addPair keeps a source. A leg keeps a few; the oldest that carries no media goes first.
func (g *leg) addPair(l *loop, p icePair) {
	if len(g.ice.pairs) == maxPairs {
		for i, old := range g.ice.pairs {
			if old.to.addr != g.ice.selected {
				g.dropPair(l, old)
				g.ice.pairs = append(g.ice.pairs[:i], g.ice.pairs[i+1:]...)
				break
			}
		}
	}
	g.ice.pairs = append(g.ice.pairs, p)
}

// consent is due when the browser may have left the selected pair: 30 s without a check of it. Media goes on where the last check of all has
// come from; nowhere if that is as long ago.
func (g *leg) consent(l *loop) {
	p := g.known(g.ice.selected)
	if p == nil || l.now-p.checked >= int64(consentLimit) {
		p = g.latestChecked()
	}
	if p == nil || l.now-p.checked >= int64(consentLimit) {
		g.open, g.ice.last = false, 0 // a check that comes after all starts again
		g.fail("consent")
		return
	}
	g.choose(p)
	l.arm(&g.timers[timerConsent], p.checked+int64(consentLimit))
}

// latestChecked is the pair whose check is the newest, nil when there is none.
func (g *leg) latestChecked() *icePair {
	var newest *icePair
	for i := range g.ice.pairs {
		if p := &g.ice.pairs[i]; newest == nil || p.checked > newest.checked {
			newest = p
		}
	}
	return newest
}
