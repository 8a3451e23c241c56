package media

// To transcode a frame takes ten times as long as to relay a packet. A round therefore makes a few frames only, and what is relayed waits
// for these at most: sockets whose packets are transcoded are put off, and so are play-outs that are due, until the next round, which
// begins at once. Nothing is handed to another thread: every core has a loop, and calls are spread over them.

// frameBudget is how many frames a round makes of what has arrived, and as many of what is due: 16 are half a millisecond.
const frameBudget = 8

// waiting is a socket that was put off.
type waiting struct {
	sock  *sock // nil: called back
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

// callBack ends the wait of a socket that goes to another loop, which is told of what it holds. Its place is cleared and stays: the list may
// be in the middle of being read.
func (l *loop) callBack(s *sock) {
	if !s.waits {
		return
	}
	s.waits = false
	for i := range l.later {
		if l.later[i].sock == s {
			l.later[i].sock = nil
		}
	}
}

// readLater reads sockets that were put off, as far as the budget goes. Those of which it is not enough keep their place, and what costs
// nothing of it does not wait behind them. A check on a browser socket may call others back.
func (l *loop) readLater() {
	n, kept := len(l.later), 0
	for i := range n {
		w := l.later[i]
		s := w.sock
		if s == nil {
			continue
		}
		if l.frames >= frameBudget && s.costly() {
			l.later[kept] = w
			kept++
			continue
		}
		s.waits = false
		switch {
		case l.socks[s.index] != s: // closed
		case l.now-w.since > int64(playLapse):
			l.discard(s)
		default:
			l.read(s)
		}
	}
	l.later = append(l.later[:kept], l.later[n:]...)
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
