package media

import (
	"time"

	"drawbridge/telemetry"
)

// Whoever talks is heard, or the operator is told why not; and who has gone without a word does not hold a call for ever. Nothing is
// watched before the call is answered, nor on a leg that is on hold.

// Chosen here.
const (
	firstWord     = 5 * time.Second // audio that has not begun by then is reported
	reasonSilence = "media-inactivity"
)

// vigil is what a leg has heard of its peer, in nanoseconds of the loop's clock; 0 is never.
type vigil struct {
	due     int64     // since when the peer's media has been due; 0: it is not
	audio   int64     // newest authentic RTP
	report  int64     // newest authentic RTCP
	refused int64     // newest packet that may have been the peer's and was dropped
	told    [2]uint16 // verdicts of in and out that have been reported, a bit each
	why     Drop      // of the packet that was dropped
}

// Talking says that the call has been answered: from now on media is due, and silence means something.
func (s *Session) Talking() {
	s.queue((*Session).talk, inTime)
}

func (s *Session) talk(l *loop) {
	s.talking = true
	for _, g := range s.legs {
		if g != nil {
			g.expect(l)
		}
	}
}

// expect starts to wait for the peer's media, or stops it: after an answer, hold, resume. Links between calls are watched at their ends. A peer
// that holds the call may send music (sendonly), but many a phone sends nothing.
func (g *leg) expect(l *loop) {
	switch due := g.session.talking && g.bound && g.st.MayRecv && g.st.MaySend && g.realm.name != Inside; {
	case !due:
		g.vigil.due = 0
		l.disarm(&g.timers[timerSilence])
	case g.vigil.due == 0:
		g.vigil.due = max(l.now, 1)
		g.listen(l)
	}
}

// refuse notes a packet that was dropped, if it tells why the peer is not heard.
func (w *vigil) refuse(d Drop, now int64) {
	if dropVerdicts[d] != VerdictNone {
		w.refused, w.why = now, d
	}
}

// listen looks whether the peer has been heard, and when to look again.
func (g *leg) listen(l *loop) {
	w, limit := &g.vigil, int64(g.patience())
	quiet := l.now - max(w.due, w.audio, w.report)
	if limit > 0 && quiet >= limit {
		g.fail(reasonSilence)
		return
	}
	wait := int64(audioFresh)
	if w.audio < w.due {
		wait = int64(firstWord)
	}
	next := l.now + int64(audioFresh)
	if mute := l.now - max(w.due, w.audio); mute >= wait {
		g.tell(l, 0, g.audioIn(l.now))
	} else {
		next = l.now - mute + wait
	}
	if v := g.audioOut(); v == VerdictUnreceived {
		g.tell(l, 1, v)
	}
	if limit > 0 {
		next = min(next, l.now-quiet+limit)
	}
	l.arm(&g.timers[timerSilence], next)
}

// patience is how long the peer may be silent; 0 is for ever.
func (g *leg) patience() time.Duration {
	if g.silence != 0 {
		return max(g.silence, 0)
	}
	return max(g.realm.cfg.Inactivity, 0)
}

// tell reports once a leg and verdict that there is no audio.
func (g *leg) tell(l *loop, direction int, v Verdict) {
	bit := uint16(1) << v
	if v == VerdictOK || v == VerdictHeld || g.vigil.told[direction]&bit != 0 {
		return
	}
	g.vigil.told[direction] |= bit
	g.session.engine.cfg.Events.EmitAudioMissing(telemetry.AudioMissing{
		Call: g.session.call, Leg: g.id.String(), Direction: [2]string{"in", "out"}[direction], Why: v.String(), Realm: g.realm.name, At: time.Now(),
	})
}
