package media

// singles collects datagrams that leave through sockets of their own, one system call for each, until the round has served what it has read:
// the processor keeps the kernel's way out, or the loop's own work, in its caches for many packets in turn. Its pointers are to slots and legs
// of this loop; a leg that parts with its socket has what is collected sent before.
type singles struct {
	n   int
	all [batchSize]single
}

type single struct {
	fd int
	b  []byte
	to *sockaddr
}

// put queues b for to, through fd. There must be room.
func (s *singles) put(fd int, b []byte, to *sockaddr) {
	s.all[s.n] = single{fd, b, to}
	s.n++
}

// flush sends everything and returns how many datagrams the kernel refused.
func (s *singles) flush() (refused uint64) {
	for i := range s.all[:s.n] {
		if d := &s.all[i]; !sendTo(d.fd, d.b, d.to) {
			refused++
		}
	}
	s.n = 0
	return refused
}

// queueOwn puts a packet on its way through a leg's own socket. The packet stays in its slot until flush.
func (l *loop) queueOwn(fd int, b []byte, to *sockaddr) {
	if l.singles.n == batchSize {
		l.flushOwn()
	}
	l.singles.put(fd, b, to)
}

// flushOwn sends what is queued on the legs' own sockets.
func (l *loop) flushOwn() {
	if l.singles.n > 0 {
		l.count.drop[DropSend].Add(l.singles.flush())
	}
}
