package media

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// To open a socket, to tell epoll of it and to close it again are five system calls, and dearer than all else that media does when a call is set
// up and ends. So the RTP socket of a leg that has gone may rest open: bound to its port and known to its loop, which throws away what comes in.
// A later leg of the same loop and range takes it over as it is.
//
//	awake (a leg has it) -> asleep -> taken -> awake
//	                          |         |
//	                          +---------+--> shut   (still heard, not wanted, realm gone, files scarce, call or engine over)
//
// What holds for a port that is closed holds here too: it rests for portRest, and which one comes next is hard to guess. A peer that has not
// heard of the end of its call must not be heard in the next one: a socket that is still sent to after stragglers is closed.

// Chosen here.
const (
	stragglers = 500 * time.Millisecond // for packets under way when a call ends, and a peer that has yet to hear of it
	restLife   = time.Minute            // then it is closed: few calls come. It costs nothing till then, and to close it is as dear as to open one
	restMost   = 4096                   // of an engine: 1 000 calls/s leave so many in portRest
	restShare  = 4                      // of a range, and of the files that a process may open, one in so many at most
	crowd      = 64                     // so many must have rested before one of them is taken
	clearBatch = 256                    // closed at once of those that have rested too long, by range and loop
)

// resting is an RTP socket that outlives its leg.
type resting struct {
	sock  // what its loop finds while no leg has it
	loop  *loop
	ports *ports
	addr  netip.AddrPort
	since time.Time
	state restState
}

type restState uint8

const (
	awake  restState = iota
	asleep           // on its shelf
	taken            // a leg has it that its loop does not know yet
	shut
)

// files is what the sockets that rest may have of the open files of the process.
type files struct {
	room    atomic.Int64 // so many more may rest
	half    int          // the kernel gives the lowest free number: from here on more than half of all are in use
	relieve func()       // closes all that rest
}

func newFiles(relieve func()) *files {
	f := &files{relieve: relieve}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		f.half = int(min(limit.Cur/2, math.MaxInt32))
		f.room.Store(int64(min(limit.Cur/restShare, restMost)))
	}
	return f
}

// shelf holds what rests of one range and loop, oldest first; those that are ripe have lost their order.
type shelf struct {
	all  []*resting
	ripe int // so many have rested for long enough
}

// ripen counts those that are ripe.
func (s *shelf) ripen() int {
	for s.ripe < len(s.all) && time.Since(s.all[s.ripe].since) >= portRest {
		s.ripe++
	}
	return s.ripe
}

// remove takes out one that is ripe, or the first.
func (s *shelf) remove(i int) *resting {
	r := s.all[i]
	s.all[i], s.all[0] = s.all[0], nil
	s.all = s.all[1:]
	s.ripe = max(s.ripe-1, 0)
	return r
}

// rest lays the RTP socket of a leg that has gone to rest, on the leg's loop; false when it is to be closed.
func (p *ports) rest(l *loop, pr *portPair, s *sock) bool {
	if l.stopped || s.fd >= p.files.half || l.socks[s.index] != s {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resting >= p.most || p.files.room.Load() <= 0 { // loops that look at once may go a few too far
		return false
	}
	r := pr.rest
	if r == nil {
		r = &resting{ports: p, addr: pr.addr}
	}
	r.sock = sock{fd: s.fd, index: s.index, gen: s.gen, kind: sockRest, rest: r}
	r.loop, r.since, r.state = l, time.Now(), asleep
	l.socks[s.index] = &r.sock
	sh := p.shelves[l]
	if sh == nil {
		sh = &shelf{}
		p.shelves[l] = sh
	}
	sh.all = append(sh.all, r)
	p.used--
	p.resting++
	p.files.room.Add(-1)
	pr.rtp, pr.rest = -1, nil
	return true
}

// wake takes over a socket that has rested on l, if there are enough to choose from.
func (p *ports) wake(l *loop) (portPair, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sh := p.shelves[l]
	for sh != nil && sh.ripen() >= crowd {
		if r := sh.remove(rand.IntN(sh.ripe)); r.state == asleep {
			p.rouse(r, taken)
			p.used++
			return portPair{rtp: int32(r.fd), rtcp: -1, addr: r.addr, rest: r}, true
		}
	}
	return portPair{}, false
}

// rouse ends a rest. The caller holds the lock.
func (p *ports) rouse(r *resting, to restState) {
	r.state = to
	p.resting--
	p.files.room.Add(1)
	if to == shut {
		closeFD(r.fd)
	}
}

// reclaim closes a socket that has rested, for its port. The caller holds the lock.
func (p *ports) reclaim() (uint16, bool) {
	for l, sh := range p.shelves {
		for sh.ripen() > 0 {
			if r := sh.remove(0); r.state == asleep {
				p.rouse(r, shut)
				l.post(soon, r.forget)
				return r.addr.Port(), true
			}
		}
	}
	return 0, false
}

// clear closes what has rested for life and longer, most sockets of a loop at once.
func (p *ports) clear(life time.Duration, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l, sh := range p.shelves {
		var gone []*resting
		for len(sh.all) > 0 && len(gone) < most && (sh.all[0].state == shut || time.Since(sh.all[0].since) >= life) {
			if r := sh.remove(0); r.state == asleep {
				p.rouse(r, shut)
				p.queue(r.addr.Port())
				gone = append(gone, r)
			}
		}
		if len(gone) > 0 {
			l.post(soon, func(l *loop) {
				for _, r := range gone {
					r.forget(l)
				}
			})
		}
	}
}

// retire is for a range that no new leg will use: no socket rests.
func (p *ports) retire() {
	p.mu.Lock()
	p.most = 0
	p.bequeath()
	p.mu.Unlock()
	p.clear(0, math.MaxInt)
}

// overhear serves a socket that rests and is sent to.
func (r *resting) overhear(l *loop) {
	p := r.ports
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.state == asleep && time.Since(r.since) > stragglers:
		p.rouse(r, shut)
		p.queue(r.addr.Port())
		r.forget(l)
	case r.state == asleep || r.state == taken:
		drain(r.fd)
	}
}

// strike takes a socket off the loop on which it has rested: what epoll has said of it there is nothing to who has the file now.
func (r *resting) strike() {
	r.ports.mu.Lock()
	r.state = shut
	r.ports.mu.Unlock()
	r.loop.post(soon, r.forget)
}

// forget takes a socket that is shut, or that another loop has now, out of its loop.
func (r *resting) forget(l *loop) { l.forget(&r.sock) }

// adopt gives a leg's socket the place of the one that it takes over. What came before is nothing to the leg.
func (l *loop) adopt(pr *portPair, s *sock) {
	drain(s.fd)
	r := pr.rest
	if r.loop != l { // the session has moved since
		pr.rest = nil
		_ = unix.EpollCtl(r.loop.epoll, unix.EPOLL_CTL_DEL, s.fd, nil) // it is there
		r.strike()
		_ = l.watch(s)
		return
	}
	s.index, s.gen, r.state = r.index, r.gen, awake
	l.socks[s.index] = s
}

// clearPorts clears every range.
func (e *Engine) clearPorts(life time.Duration, most int) {
	for _, r := range e.realms.all() {
		r.ports.clear(life, most)
	}
}
