package txn

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"drawbridge/sip/wire"
)

// defaultPort is where answers go when the topmost Via names no port and asks for none (RFC 3261 section 18.2.2).
const defaultPort = 5060

// defaultTLS is the same for TLS.
const defaultTLS = 5061

// Rerouter is a connectionless Flow that can answer to another port of the same peer: a topmost Via without rport asks for its
// sent-by port (RFC 3261 section 18.2.2).
type Rerouter interface{ Reroute(port uint16) Flow }

// Receive takes one message from a flow's reader: read, judge, choose the shard, post. raw may be used again when it returns.
func (c *Core) Receive(f Flow, raw []byte) {
	defer c.caught()
	m, verdict := wire.Read(raw, wire.CanonOptions{LFOnly: c.cfg.LFOnly != nil && !f.Reliable() && c.cfg.LFOnly(f)})
	switch {
	case verdict.Status == wire.Drop:
		c.refused(f, "malformed", "dropped")
	case verdict.Status != 0:
		c.answerVerdict(f, m, len(raw), verdict)
	case m.IsRequest():
		c.receiveRequest(f, m, len(raw))
	default:
		c.receiveResponse(f, m, len(raw))
	}
}

// Refuse implements Refuser.
func (c *Core) Refuse(f Flow, head []byte, status int, reason string) {
	defer c.caught()
	verdict := wire.Refuse(head, status, reason)
	if verdict.Status == wire.Drop {
		c.refused(f, "malformed", "dropped")
		return
	}
	c.answerVerdict(f, nil, len(head), verdict)
}

// FlowLost tells every shard that a connection has ended, after everything that came in on it.
func (c *Core) FlowLost(f Flow, why error) {
	k := f.Key()
	err := ErrFlowLost
	if why != nil {
		err = fmt.Errorf("%w: %w", ErrFlowLost, why)
	}
	for i := range c.shards {
		c.PostForced(i, func(sh *Shard) { sh.flowLost(k, err) })
	}
}

func (c *Core) receiveRequest(f Flow, m *wire.Message, size int) {
	if ignore := c.cfg.Ignore; ignore != nil && m.ToTag() == "" && ignore(f, m) {
		return
	}
	k := c.keys.server(f, m)
	alias(f, m)
	reply := stamp(f, m)
	sh, how := c.shardOfRequest(m)
	if m.Method == wire.ACK && len(m.ToTag()) == statelessLen && m.ToTag() == c.statelessTag(m) {
		return // acknowledges an answer that left no state behind
	}
	err := sh.box.put(item{flow: f, reply: reply, msg: m, key: k, size: size}, how)
	if !errors.Is(err, ErrOverload) {
		return
	}
	c.overload.Add(1)
	c.refused(f, "overload", string(m.Method))
	if how == fresh {
		c.answerOverload(reply, m, size)
	}
}

// shardOfRequest: a request inside a dialog names its shard by our own tag; any other goes by Call-ID and From tag, so that an
// INVITE, its retransmissions, CANCEL and ACK meet.
func (c *Core) shardOfRequest(m *wire.Message) (*Shard, class) {
	if i, ours := c.ShardOf(m.ToTag()); ours {
		return c.shards[i], ongoing
	}
	sh := c.shards[c.keys.spread(m.CallID, m.FromTag())%uint64(len(c.shards))]
	switch m.Method {
	case wire.ACK, wire.BYE, wire.CANCEL, wire.PRACK:
		return sh, ongoing
	default:
		return sh, fresh
	}
}

// receiveResponse: a response has one Via, ours (RFC 3261 section 8.1.3.3), and its branch names the shard.
func (c *Core) receiveResponse(f Flow, m *wire.Message, size int) {
	i, ours := c.shardOfBranch(m.Branch())
	if !ours || len(m.Via) != 1 {
		c.strays.Add(1)
		c.refused(f, "stray", strconv.Itoa(m.Status))
		return
	}
	if err := c.shards[i].box.put(item{flow: f, msg: m, size: size}, ongoing); errors.Is(err, ErrOverload) {
		c.overload.Add(1)
		c.refused(f, "overload", strconv.Itoa(m.Status))
	}
}

// alias tells a connection where its peer listens, if the peer wants it to be used both ways.
func alias(f Flow, m *wire.Message) {
	a, ok := f.(Aliased)
	if !ok {
		return
	}
	via := &m.Via[0]
	if _, wanted := via.Params.Lookup("alias"); wanted {
		a.Alias(listens(via))
	}
}

// stamp fills received and rport into the topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4) and returns the way for the answers.
func stamp(f Flow, m *wire.Message) Flow {
	via := &m.Via[0]
	source := f.Remote()
	addr := source.Addr().Unmap().WithZone("")
	_, rport := via.Params.Lookup("rport")
	if sentBy, err := netip.ParseAddr(via.Host); rport || err != nil || sentBy.Unmap() != addr {
		via.Params.Set("received", addr.String())
	} else {
		via.Params.Del("received")
	}
	if rport {
		via.Params.Set("rport", strconv.Itoa(int(source.Port())))
		return f
	}
	port := uint16(defaultPort)
	if via.Port != 0 {
		port = uint16(via.Port)
	}
	if r, ok := f.(Rerouter); ok && port != source.Port() {
		return r.Reroute(port)
	}
	return f
}
