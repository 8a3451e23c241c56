package media

import (
	"net/netip"

	"github.com/pion/stun/v4"
)

// A browser may have several pairs that checks have verified, and media goes to one of them: the one that it has nominated, as long as the
// browser is there. Consent is a pair's (RFC 7675 section 5.1). Checks from one address say nothing of another: whoever has named a victim
// in a single check with a forged source would have it sent media for as long as the call lasts (T19).
//
// A check proves who has made it, not who has sent it: a listener on the path can send it again from anywhere. From a pair that the browser has
// been heard on, by authentic SRTP or SRTCP, a nomination alone therefore does not move media (T12): the browser has to speak on the other pair
// as well, and later, or to be gone from the first. DTLS counts as nothing heard: a browser shakes hands on the first pair that works, and
// nominates another. One that changes networks sends from the new one at once.

// icePair is a verified 5-tuple of a leg.
type icePair struct {
	door    int
	via     *loop // whose socket its packets come in on
	to      sockaddr
	checked int64 // time of the last verified check
	proven  bool  // somebody with the leg's keys has spoken from there
	heard   int64 // time of authentic media, the first behind each check of the leg at least; 0: none
	wanted  bool  // nominated, and media goes to another pair as yet
	left    bool  // there was no sign of it, but the pair in use has not been heard since either
	ahead   uint8 // its checks since the last one of the selected pair; stays at overtaken
}

// ice is what a leg knows of its browser's paths.
type ice struct {
	pairs    []icePair
	selected netip.AddrPort // media goes here; the first verified until one is nominated
	last     int64          // time of the last verified check of any pair; 0 before the first and after consent is lost
	recent   *recent        // nil before the first check
}

// sign is when the browser has shown last that it is there.
func (p *icePair) sign() int64 { return max(p.checked, p.heard) }

// recent are the transactions of a leg's last checks, and where these came from.
type recent struct {
	all  [recentChecks]transaction
	next int
}

type transaction struct {
	id   [stun.TransactionIDSize]byte
	host [16]byte
	port uint16
}

// replayed notes a verified check, and tells whether it has come before, from another source: a browser repeats one from the same source only.
// The pair in use is not judged by who was faster.
func (g *leg) replayed(id [stun.TransactionIDSize]byte, src netip.AddrPort) bool {
	if g.ice.recent == nil {
		g.ice.recent = new(recent)
	}
	r, is := g.ice.recent, transaction{id, src.Addr().As16(), src.Port()}
	for _, was := range r.all {
		if was.id == id && was.port != 0 {
			return was != is && src != g.ice.selected
		}
	}
	r.all[r.next] = is
	r.next = (r.next + 1) % recentChecks
	return false
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
	switch {
	case first || g.overtakes(l, p):
		g.choose(p)
	case nominates:
		g.nominate(p)
	}
	g.follow(l, p)
	g.traced = true
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
// not at all, while the browser speaks on the other one or for longer than any pauses. Its path has died, or it has never been the browser's.
func (g *leg) overtakes(l *loop, p *icePair) bool {
	was := g.known(g.ice.selected)
	if was == nil {
		return true
	}
	g.credit()
	return p.ahead == overtaken && (p.heard > was.sign() || l.now-was.sign() >= int64(guestSilence))
}

// nominate notes which pair the browser wants.
func (g *leg) nominate(p *icePair) {
	for i := range g.ice.pairs {
		g.ice.pairs[i].wanted = false
	}
	p.wanted = p.to.addr != g.ice.selected
}

// follow moves media to a pair that is wanted, as soon as the browser speaks there or has left the other one.
func (g *leg) follow(l *loop, p *icePair) {
	if !p.wanted {
		return
	}
	g.credit()
	was := g.known(g.ice.selected)
	if was == nil || p.heard >= was.heard || l.now-was.sign() >= int64(pairSilence) {
		g.choose(p)
	}
}

// trace notes that authentic media has come from src, and has the stream follow it if it may. Not every packet is traced: the first one behind
// a check is, and all as long as a pair waits for them.
func (g *leg) trace(l *loop, src netip.AddrPort) {
	g.traced = false
	p := g.known(src)
	if p == nil {
		return
	}
	p.heard = l.now
	g.prove(l, p)
	switch {
	case src == g.ice.selected:
		g.settle()
	case p.left && l.now-p.checked < int64(consentLimit):
		g.choose(p)
	default:
		g.follow(l, p)
	}
	for i := range g.ice.pairs {
		g.traced = g.traced || g.ice.pairs[i].wanted || g.ice.pairs[i].left
	}
}

// settle forgets which pairs were left: the browser speaks on the one in use.
func (g *leg) settle() {
	for i := range g.ice.pairs {
		g.ice.pairs[i].left = false
	}
}

// credit gives the pair that was heard last the media that has come since without being traced.
func (g *leg) credit() {
	var speaker *icePair
	for i := range g.ice.pairs {
		if p := &g.ice.pairs[i]; p.heard != 0 && (speaker == nil || p.heard > speaker.heard) {
			speaker = p
		}
	}
	if speaker != nil {
		speaker.heard = max(speaker.heard, g.vigil.audio, g.vigil.report)
	}
}

// unhear forgets who was heard where: the browser is another one from now on, such as a page that was loaded again.
func (g *leg) unhear() {
	for i := range g.ice.pairs {
		g.ice.pairs[i].heard = 0
	}
	g.settle()
}

// choose makes a pair the one that media goes to. If the former one was heard later, it is left for want of any sign of it, and has the media
// back when the browser speaks there again: who sends an old check in a pause draws no more than that.
func (g *leg) choose(p *icePair) {
	if was := g.known(g.ice.selected); was != p {
		for i := range g.ice.pairs {
			g.ice.pairs[i].ahead = 0
		}
		if was != nil {
			was.left = was.heard > p.heard
		}
	}
	p.wanted, p.left = false, false
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
