package media

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pion/stun/v4"

	"drawbridge/media/srtp"
)

// loop is one event loop: a goroutine on its own thread that owns sockets and calls. Fields below inbox belong to that goroutine.
type loop struct {
	engine *Engine
	index  int
	epoll  int
	wakeFD int
	lobby  lobby // where an idle loop waits
	inbox  inbox
	count  counters // written by this goroutine, read by Stats

	now      int64 // nanoseconds since the engine was made, taken once a round
	stopped  bool
	fns      []func(l *loop) // commands being served: the inbox gets their room back
	called   []*Session
	moved    []*Session // of those: another loop's by now
	socks    []*sock    // by the index that epoll carries
	vacant   []int32
	doors    []*door
	sessions map[*Session]struct{}
	timers   timers
	pace     pace
	urgent   urgency
	gather   gather
	flood    flood // of strangers

	rtpIn   uint64    // packets in this round, in and
	rtpOut  uint64    // out: the counters learn of them at its end
	taken   int       // datagrams read in this round
	frames  int       // of those, what was transcoded
	later   []waiting // what is left to read, first come first
	in      inlet
	made    slots // packets that the loop makes itself
	singles singles
	events  [batchSize]unix.EpollEvent
	guests  [batchSize]*leg // whose datagrams of a batch most likely are
	packet  packet          // the one in hand, steps 3 to 5
	crypto  *srtp.Scratch   // of step 3, and of protection
	check   stun.Message
	reply   stun.Message
}

// sock is a socket that a loop waits on.
type sock struct {
	fd    int
	index int32
	gen   int32 // tells an event of this socket from one of its predecessor at the same index
	kind  sockKind
	waits bool   // in loop.later
	last  uint32 // when it was read, in ticks
	door  *door
	leg   *leg
	rest  *resting
}

type sockKind uint8

const (
	sockWake sockKind = iota // the eventfd
	sockDoor                 // a browser address
	sockRTP                  // a leg's even port
	sockRTCP                 // a leg's odd port
	sockRest                 // an even port whose leg has gone
)

// door is a loop's own socket of one browser address.
type door struct {
	sock
	id    int
	realm *realm
	addr  netip.AddrPort
	known map[netip.AddrPort]guest // sources that passed a connectivity check through this socket
	ended departed
	out   outbox
}

// guest says whose a verified source is. The leg may live on another loop: only its session's owner may look into it.
type guest struct {
	leg     *leg
	checked int64 // last verified check
	since   int64 // when the leg took the source
	proven  bool  // authentic media of the leg has come from it, or its handshake
}

func newLoop(e *Engine, index int) (*loop, error) {
	l := &loop{engine: e, index: index, epoll: -1, wakeFD: -1, sessions: make(map[*Session]struct{})}
	l.crypto = srtp.NewScratch()
	l.in.init()
	l.check.Raw = make([]byte, 0, slotSize+64)
	l.reply.Raw = make([]byte, 0, 256)
	if e.cfg.Loops > 1 {
		l.inbox.parcels = make([]parcel, parcelRoom)
	}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("media: epoll: %w", err)
	}
	if l.wakeFD, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		closeFD(l.epoll)
		return nil, fmt.Errorf("media: eventfd: %w", err)
	}
	if err := l.watch(&sock{fd: l.wakeFD, kind: sockWake}); err != nil {
		l.release()
		return nil, err
	}
	if err := l.lobby.build(l); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// addDoor gives the loop its socket of a browser address.
func (l *loop) addDoor(fd int, addr netip.AddrPort, r *realm) error {
	d := &door{sock: sock{fd: fd, kind: sockDoor}, id: len(l.doors), realm: r, addr: addr, known: make(map[netip.AddrPort]guest), ended: make(departed)}
	d.sock.door = d
	d.out.init()
	l.doors = append(l.doors, d)
	return l.watch(&d.sock)
}

// run is the loop until ctx ends.
func (l *loop) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.urgent.here()
	defer context.AfterFunc(ctx, l.stop)()
	for {
		n, err := l.await()
		if err != nil {
			l.shut()
			return fmt.Errorf("media: epoll_wait: %w", err)
		}
		l.now = l.engine.now()
		l.inbox.rung.Store(false) // before the inbox is read: what comes later rings again
		if l.commands() {
			l.shut()
			return nil
		}
		l.frames = 0
		heard := false
		for i := -headStart; i < 0; i++ {
			l.ahead(i, n)
		}
		for i := range n {
			l.ahead(i, n)
			heard = l.ready(l.events[i]) || heard //nolint:contextcheck // a handshake has a limit of its own
		}
		l.readLater() //nolint:contextcheck // as above
		l.unpack()    //nolint:contextcheck // as above
		l.clock()     //nolint:contextcheck // as above
		l.flush()
		l.in.next = 0
		l.publish()
		l.gather.note(l.taken, l.frames, l.now)
		l.taken = 0
		l.yield(heard)
		l.linger()
	}
}

// ready serves one socket that has something to read; false when it was not media's.
func (l *loop) ready(ev unix.EpollEvent) bool {
	s := l.socks[ev.Fd]
	if s == nil || s.gen != ev.Pad {
		return false // closed earlier in this round
	}
	switch {
	case s.kind == sockWake: // never read: to come round was all it asked
		return false
	case s.kind == sockRest:
		s.rest.overhear(l)
		return false
	case s.waits:
	case s.costly() && (l.frames >= frameBudget || len(l.later) > 0): // those that wait come first
		l.putOff(s)
	default:
		l.read(s)
	}
	return true
}

// burst is the time between two readings of a leg's socket below which more than one datagram is expected, in ticks, of which 1<<tickBits
// nanoseconds are one: a millisecond, nearly. Chosen here: a stream sends a datagram in 10 ms or more.
const (
	burst    = 5
	tickBits = 20
)

// read takes what a socket holds. Of a leg's that is one datagram most of the time: it is not asked for another, for epoll tells of those
// that are left.
func (l *loop) read(s *sock) {
	now := uint32(l.now >> tickBits)
	steady := s.kind != sockDoor && now-s.last >= burst
	s.last = now
	if steady {
		l.readOne(s)
		return
	}
	l.drain(s)
}

// readOne reads a single datagram.
func (l *loop) readOne(s *sock) {
	l.makeRoom()
	first, n := l.in.recvOne(s.fd)
	l.serve(s, first, n)
}

// drain empties a socket, a few batches at most: others wait too, and what is left is read in the next round.
func (l *loop) drain(s *sock) {
	max := batchSize
	if s.kind != sockDoor {
		max = 4
	}
	for range 4 {
		l.makeRoom()
		want := min(max, l.in.free())
		first, n := l.in.recv(s.fd, want)
		l.serve(s, first, n)
		if n < want {
			return
		}
	}
	l.putOff(s)
}

// makeRoom has a slot to read into. Queued packets may lie in those that are taken.
func (l *loop) makeRoom() {
	if l.in.free() == 0 {
		l.flush()
		l.in.next = 0
	}
}

// serve counts what was read from a socket and passes it on.
func (l *loop) serve(s *sock, first, n int) {
	if l.taken += n; s.costly() {
		l.frames += n
	}
	l.ingress(s, first, n)
}

// slot lends a buffer for a packet that the loop makes; it is good until the packet is sent.
func (l *loop) slot() []byte {
	if l.made.free() == 0 {
		l.flush()
	}
	s := &l.made.all[l.made.next]
	l.made.next++
	return s.b[:]
}

// queue puts a packet into a browser socket's batch. The packet stays in its slot until flush.
func (l *loop) queue(door int, b []byte, to *sockaddr) {
	d := l.doors[door]
	if d.out.n == batchSize {
		l.count.drop[DropSend].Add(d.out.flush(d.fd))
	}
	d.out.put(b, to)
}

// flush sends what is queued. All slots are free then.
func (l *loop) flush() {
	l.flushOwn()
	for _, d := range l.doors {
		if d.out.n > 0 {
			l.count.drop[DropSend].Add(d.out.flush(d.fd))
		}
	}
	l.made.next = 0
}

// Sockets

// watch adds a socket to the loop.
func (l *loop) watch(s *sock) error {
	if k := len(l.vacant); k > 0 {
		s.index = l.vacant[k-1]
		l.vacant = l.vacant[:k-1]
	} else {
		s.index = int32(len(l.socks))
		l.socks = append(l.socks, nil)
	}
	l.socks[s.index] = s
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.index, Pad: s.gen}
	if s.kind == sockWake || s.kind == sockDoor {
		ev.Events |= unix.EPOLLET // told of once: drained, put off, or never read
	}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, s.fd, &ev); err != nil {
		l.forget(s)
		return fmt.Errorf("media: epoll_ctl: %w", err)
	}
	return nil
}

// unwatch takes a socket out of the loop without closing it.
func (l *loop) unwatch(s *sock) {
	l.callBack(s)
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, s.fd, nil) // it is there, or the loop is being torn down
	l.forget(s)
}

// forget is unwatch for a socket that is closed next, which takes it out of epoll by itself. What epoll has said of it is told by gen.
func (l *loop) forget(s *sock) {
	if l.socks[s.index] == s {
		l.socks[s.index] = nil
		l.vacant = append(l.vacant, s.index)
	}
	s.gen++
}

func closeFD(fd int) {
	if fd >= 0 {
		closeSocket(fd)
	}
}

// End

// stop asks the loop to end.
func (l *loop) stop() {
	l.inbox.mu.Lock()
	l.inbox.stopping = true
	l.inbox.mu.Unlock()
	l.wake()
}

// shut ends the loop's sessions. The browser sockets stay open until the last handshake has let go of them.
func (l *loop) shut() {
	l.commands()
	l.stopped = true
	for s := range l.sessions {
		s.end(l)
	}
	l.flush()
	l.shutInbox()
}

// release closes what the loop itself opened. The loop is not running.
func (l *loop) release() {
	for _, d := range l.doors {
		closeFD(d.fd)
	}
	closeFD(l.wakeFD)
	l.lobby.close()
	closeFD(l.epoll)
}
