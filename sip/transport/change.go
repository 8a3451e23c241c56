package transport

import (
	"fmt"
	"slices"
)

// Change is another set of listeners and certificates, ready to take over: every file is read and every new socket bound.
type Change struct {
	t      *Transport
	side   *tlsSide
	opened []socket // sockets that were not there
	wanted *sockets // as configured
}

// Prepare reads certificates and binds the sockets that are new; nothing that is in use is touched. Errors: ErrConfig, ErrTaken, and
// those of files and sockets. There is one Change at a time.
func (t *Transport) Prepare(listeners []Listener, realms map[string]Keys, peers []Peer) (*Change, error) {
	if err := checkListeners(listeners, realms); err != nil {
		return nil, err
	}
	c := &Change{t: t, wanted: &sockets{}}
	var err error
	if c.side, err = readTLS(realms, peers); err != nil {
		return nil, err
	}
	for _, l := range listeners {
		if err := c.want(l); err != nil {
			c.Discard()
			return nil, fmt.Errorf("transport: realm %s: %w", l.Realm, err)
		}
	}
	return c, nil
}

// want takes the socket of a listener that is open, or opens one.
func (c *Change) want(l Listener) error {
	open := c.t.sockets.Load()
	s := open.opened(l)
	if s == nil {
		if as, taken := open.at(l); taken {
			return fmt.Errorf("%w: %s:%s of realm %s with another realm, mark or advertised address", ErrTaken, as.Network, as.Addr, as.Realm)
		}
		var err error
		if s, err = c.t.open(l, open); err != nil {
			return err
		}
		c.opened = append(c.opened, s)
	}
	c.wanted = c.wanted.with(s)
	return nil
}

// Discard closes what Prepare has opened.
func (c *Change) Discard() {
	for _, s := range c.opened {
		s.close()
	}
}

// Commit serves the new sockets and uses the new certificates from now on. Listeners that are wanted no more are retired: connections are
// not accepted there any more, datagrams are, for what is under way, until Retire.
func (c *Change) Commit() {
	t, old := c.t, c.t.sockets.Load()
	now := c.wanted
	for _, s := range old.all() {
		if gone := !slices.Contains(c.wanted.all(), s); retire(s, gone) {
			now = now.with(s)
		}
	}
	t.mu.Lock()
	t.next = c.side
	t.tls.Store(c.side.keeping(t.tls.Load()))
	t.mu.Unlock()
	t.sockets.Store(now)
	for _, s := range c.opened {
		select {
		case t.join <- s:
		case <-t.ended:
			s.close()
		}
	}
}

// retire marks a socket as wanted or not, and reports the latter.
func retire(s socket, gone bool) bool {
	switch s := s.(type) {
	case *udpSocket:
		s.retired.Store(gone)
	case *streamListener:
		s.retired.Store(gone)
		if gone {
			s.close()
		}
	}
	return gone
}

// Retire closes the sockets that are configured no more, and forgets their certificates. Connections stay.
func (t *Transport) Retire() {
	open, left := t.sockets.Load(), &sockets{}
	for _, s := range open.udp {
		if s.retired.Load() {
			s.close()
			continue
		}
		left.udp = append(left.udp, s)
	}
	for _, s := range open.streams {
		if !s.retired.Load() {
			left.streams = append(left.streams, s)
		}
	}
	t.sockets.Store(left)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != nil {
		t.tls.Store(t.next)
	}
	t.next = nil
}
