package media

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ports hands out the even/odd port pairs of a realm. The pairs queue: the one that has rested longest goes first, and the first
// order is random, so a pair is hard to guess and a late packet of a former call meets nobody.
type ports struct {
	mu      sync.Mutex
	free    []rested // a ring as long as the range has pairs, of those that are closed; nil when the kernel picks
	head, n int      // of them
	any     bool     // no range: the kernel picks
	used    int
	rtcp    atomic.Int64 // RTCP sockets that are open
	dscp    DSCP

	bind netip.Addr
	gone bool      // a reload has taken the range away; its legs still give their ports back
	past *closures // of ranges that have gone

	files   *files
	shelves map[*loop]*shelf // sockets that rest (resting.go)
	resting int
	most    int // may rest
}

type rested struct {
	port uint16 // the even one
	at   time.Time
}

// bindTries is how many pairs of a range are tried before it counts as used up: other programs may sit on some of its ports.
const bindTries = 32

func newPorts(low, high uint16, f *files) *ports {
	p := &ports{files: f, shelves: make(map[*loop]*shelf), past: new(closures)}
	if p.any = low == 0 && high == 0; p.any {
		return p
	}
	for port := (int(low) + 1) &^ 1; port+1 <= int(high); port += 2 {
		p.free = append(p.free, rested{port: uint16(port)})
	}
	p.n = len(p.free)
	rand.Shuffle(p.n, func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	if most := p.n / restShare; most >= crowd {
		p.most = most
	}
	return p
}

// portPair is an RTP socket and, once there is something to report, its RTCP socket. Both ports are the leg's from the start.
type portPair struct {
	rtp, rtcp int32 // file descriptors; -1: not open
	addr      netip.AddrPort
	rest      *resting // the RTP socket has been used before; nil: it is new
}

// open binds a pair on addr, or takes over what rests on l. Errors: ErrNoPorts, which wraps the last socket error.
func (p *ports) open(addr netip.Addr, l *loop) (portPair, error) {
	if pr, ok := p.wake(l); ok {
		return pr, nil
	}
	var last error
	for range bindTries {
		port, ok := p.take()
		if !ok {
			break
		}
		pr, err := openPair(addr, port, p.dscp)
		if err == nil {
			return pr, nil
		}
		last = err
		p.give(port)
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			p.files.relieve()
		}
	}
	if last != nil {
		return portPair{}, fmt.Errorf("%w: %w", ErrNoPorts, last)
	}
	return portPair{}, ErrNoPorts
}

func (p *ports) take() (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.any {
		p.used++
		return 0, true
	}
	port, ok := p.next()
	if ok {
		p.used++
	}
	return port, ok
}

// next takes the first pair of the queue. The caller holds the lock.
func (p *ports) next() (uint16, bool) {
	p.heedPast()
	if p.n == 0 || (!p.free[p.head].at.IsZero() && time.Since(p.free[p.head].at) < portRest) {
		return p.reclaim()
	}
	port := p.free[p.head].port
	p.head, p.n = (p.head+1)%len(p.free), p.n-1
	return port, true
}

// heedPast sends pairs to the end of the queue that a leg of a former range has closed since they came here. The caller holds the lock.
func (p *ports) heedPast() {
	for range p.n {
		first := p.free[p.head]
		at := p.past.of(p.bind, first.port)
		if !at.After(first.at) {
			return
		}
		p.head, p.n = (p.head+1)%len(p.free), p.n-1
		p.queueSince(first.port, at)
	}
}

// give returns a pair whose sockets are closed.
func (p *ports) give(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	p.queue(port)
}

// queue lets a pair rest. The caller holds the lock.
func (p *ports) queue(port uint16) {
	now := time.Now()
	if p.gone {
		p.past.note(p.bind, port, now)
	}
	if !p.any {
		p.queueSince(port, now)
	}
}

// queueSince puts a pair last that was closed some time ago. The caller holds the lock.
func (p *ports) queueSince(port uint16, at time.Time) {
	p.free[(p.head+p.n)%len(p.free)] = rested{port: port &^ 1, at: at}
	p.n++
}

// bequeath tells the ranges to come which pairs still rest. The caller holds the lock.
func (p *ports) bequeath() {
	p.gone = true
	p.past.sweep()
	for i := range p.n {
		if r := p.free[(p.head+i)%len(p.free)]; time.Since(r.at) < portRest {
			p.past.note(p.bind, r.port, r.at)
		}
	}
}

// closures is when pairs were closed whose range a reload has taken away: a range that has them then, too, lets them rest. It holds as many as
// rested, or were in use, at the last reload.
type closures struct {
	mu sync.Mutex
	at map[netip.AddrPort]time.Time
}

func (c *closures) note(bind netip.Addr, port uint16, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		c.at = make(map[netip.AddrPort]time.Time)
	}
	c.at[netip.AddrPortFrom(bind, port&^1)] = at
}

// of is when a pair was closed; the zero time when nobody has.
func (c *closures) of(bind netip.Addr, port uint16) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[netip.AddrPortFrom(bind, port)]
}

// sweep forgets what has rested.
func (c *closures) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.at, func(_ netip.AddrPort, at time.Time) bool { return time.Since(at) >= portRest })
}

// close closes what is open of a pair and gives the pair back.
func (p *ports) close(pr *portPair) {
	if pr.rtcp >= 0 {
		closeFD(int(pr.rtcp))
		p.rtcp.Add(-1)
		pr.rtcp = -1
	}
	if pr.rtp < 0 {
		return
	}
	if r := pr.rest; r != nil && r.state == taken { // no leg has arrived with it
		r.strike()
	}
	closeFD(int(pr.rtp))
	pr.rtp = -1
	p.give(pr.addr.Port())
}

// inUse is the number of pairs that are open.
func (p *ports) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// atRest is the number of sockets that rest.
func (p *ports) atRest() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resting
}

// openPair binds port; port 0 lets the kernel choose an even one whose neighbour is free. The neighbour is bound when it is needed: a
// call attempt that comes to nothing, as half of them do, has no RTCP, and sockets are the dearest part of its media.
func openPair(addr netip.Addr, port uint16, dscp DSCP) (portPair, error) {
	options := marked(dscp.Audio, unfragmented)
	rtp, bound, err := openUDP(netip.AddrPortFrom(addr, port), options)
	if err != nil {
		return portPair{}, err
	}
	if bound.Port()%2 != 0 { // RFC 3550 section 11: RTP is even. The kernel's choice plus one may be free.
		closeFD(rtp)
		if rtp, bound, err = openUDP(netip.AddrPortFrom(addr, bound.Port()-1), options); err != nil {
			return portPair{}, err
		}
	}
	pr := portPair{rtp: int32(rtp), rtcp: -1, addr: bound}
	if port != 0 {
		return pr, nil
	}
	if err := pr.openRTCP(dscp); err != nil {
		closeFD(rtp)
		return portPair{}, err
	}
	return pr, nil
}

// openRTCP binds the odd port, if it is not yet.
func (pr *portPair) openRTCP(dscp DSCP) error {
	if pr.rtcp >= 0 {
		return nil
	}
	fd, _, err := openUDP(netip.AddrPortFrom(pr.addr.Addr(), pr.addr.Port()+1), marked(dscp.RTCP, nil))
	pr.rtcp = int32(fd)
	return err
}
