package media

// To transcode a frame takes ten times as long as to relay a packet. A round therefore makes a few frames only, and what is relayed waits
// for these at most: sockets whose packets are transcoded are put off, and so are play-outs that are due, until the next round, which
// begins at once. Nothing is handed to another thread: every core has a loop, and calls are spread over them.

// frameBudget is how many frames a round makes of what has arrived, and as many of what is due: 16 are half a millisecond.
const frameBudget = 8

// waiting is a socket that was put off.
type waiting struct {
	sock  *sock
	since int64
}

// costly tells whether packets from this socket are transcoded as they come.
func (s *sock) costly() bool {
	if s.kind != sockRTP || s.leg.onward == nil {
		return false
	}
	_, relayed := s.leg.onward.(*relay)
	return !relayed
}

// putOff leaves a socket for the next round.
func (l *loop) putOff(s *sock) {
	if !s.waits {
		s.waits = true
		l.later = append(l.later, waiting{s, l.now})
	}
}

// readLater reads sockets that were put off, as far as the budget goes. Those of which it is not enough keep their place.
func (l *loop) readLater() {
	n := len(l.later)
	for i := range n {
		s, since := l.later[i].sock, l.later[i].since
		if l.frames >= frameBudget && s.costly() {
			l.later = append(l.later[:0], l.later[i:]...)
			return
		}
		s.waits = false
		switch {
		case l.socks[s.index] != s: // closed, or gone to another loop
		case l.now-since > int64(playLapse):
			l.discard(s)
		default:
			l.read(s)
		}
	}
	l.later = append(l.later[:0], l.later[n:]...)
}

// discard empties a socket whose packets have waited too long to be of use: a loop that is behind catches up by what it leaves out.
func (l *loop) discard(s *sock) {
	l.flush()
	l.in.next = 0
	_, n := l.in.recv(s.fd, batchSize)
	l.in.next = 0
	l.count.drop[DropLate].Add(uint64(n))
	if n == batchSize {
		l.putOff(s)
	}
}
