package txn

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Shedder is a Receiver that turns requests away without reading them, as long as it has too many: a refusal has to cost a small part of what
// it saves.
type Shedder interface {
	// Shed deals with a datagram that came by k, if it can: done says so, and answer, room with what was appended, goes back to where it
	// came from. Anything else is for Receive.
	Shed(k FlowKey, raw, room []byte) (answer []byte, done bool)
}

// Shed implements Shedder: a new INVITE is answered 503 while its shard is late or full, and the ACK to that is dropped whenever it comes.
// What is not plain to see at a glance is read, and refused then.
func (c *Core) Shed(k FlowKey, raw, room []byte) ([]byte, bool) {
	if bytes.HasPrefix(raw, []byte("ACK ")) {
		return room, c.dropped(raw)
	}
	if !c.pressed() {
		return room, false
	}
	g, ok := wire.Look(raw)
	if !ok || g.ToTag != "" || !strings.HasPrefix(g.Branch, cookie) || !direct(&g, k.Remote) {
		return room, false
	}
	sh := c.shards[c.keys.spread(g.CallID, g.FromTag)%uint64(len(c.shards))]
	if !sh.box.turnsAway(c.keys.glanced(k, &g)) {
		return room, false
	}
	c.overload.Add(1)
	c.shed.note(c.cfg.Events, k)
	return c.refusal(room, &g, k.Remote), true
}

// dropped reports whether an ACK is to an answer that left no state behind: no dialog has such a tag.
func (c *Core) dropped(ack []byte) bool {
	g, ok := wire.Look(ack)
	return ok && len(g.ToTag) == statelessLen && strings.HasPrefix(g.ToTag, c.cfg.Node)
}

// pressed reports whether any shard may refuse fresh requests.
func (c *Core) pressed() bool {
	for _, sh := range c.shards {
		if sh.box.pressed() {
			return true
		}
	}
	return false
}

// direct reports whether the answer goes back to the very source (RFC 3261 section 18.2.2, RFC 3581 section 4).
func direct(g *wire.Glance, source netip.AddrPort) bool {
	if g.Rport {
		return true
	}
	port := g.Port
	if port == 0 {
		port = defaultPort
	}
	host, err := netip.ParseAddr(g.Host)
	return err == nil && host == source.Addr() && port == int(source.Port())
}

// refusal is the answer of answerOverload, made of the request's own bytes.
func (c *Core) refusal(dst []byte, g *wire.Glance, source netip.AddrPort) []byte {
	var tag [statelessLen]byte
	var more [64]byte
	h := c.seal.stateless(g.Branch, g.CallID, g.FromTag)
	fields := append(more[:0], "Retry-After: "...)
	fields = append(strconv.AppendUint(fields, h.retryAfter(), 10), "\r\n"...)
	if c.cfg.Server != "" {
		fields = append(append(append(fields, "Server: "...), c.cfg.Server...), "\r\n"...)
	}
	addr, port := "", ""
	if g.Rport {
		addr, port = source.Addr().WithZone("").String(), strconv.Itoa(int(source.Port()))
	}
	return g.Refusal(dst, "503 Service Unavailable", addr, port, c.appendStatelessTag(tag[:0], &h), fields)
}

// shedding sums refusals up for one event: a flood must not cost its own report.
type shedding struct {
	mu     sync.Mutex
	n      uint64
	realm  string
	source netip.Addr // of the last
}

// shedSum is how many refusals an event tells of at most. Chosen here.
const shedSum = 256

func (s *shedding) note(to telemetry.Listener, k FlowKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n > 0 && k.Realm != s.realm {
		s.tell(to)
	}
	s.realm, s.source = k.Realm, k.Remote.Addr()
	if s.n++; s.n == shedSum {
		s.tell(to)
	}
}

// settle tells of what is left, when a shard has handled what it had.
func (s *shedding) settle(to telemetry.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n > 0 {
		s.tell(to)
	}
}

func (s *shedding) tell(to telemetry.Listener) {
	to.EmitRefused(telemetry.Refused{Kind: "overload", Realm: s.realm, Source: s.source.String(), Detail: string(wire.INVITE), Count: s.n})
	s.n = 0
}
