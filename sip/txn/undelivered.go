package txn

import (
	"strings"

	"drawbridge/sip/wire"
)

// quoteMost is how much of a quote is looked at. Linux sends 576 bytes of IPv4 packets back and 1 280 of IPv6.
const quoteMost = 1280

// Informed is a Receiver that also hears of datagrams which a host could not hand to any program (RFC 3261 section 18.4).
type Informed interface {
	// Undelivered says that what went out by k did not arrive. quote is the beginning of it, as the network has given it back; it is only lent.
	Undelivered(k FlowKey, quote []byte)
}

// Undelivered implements Informed. Anybody can send such news. What shows that they are true is the branch of a request that waits for its
// first answer: none but those the request went to, or through, know it. A quote that is too short to hold the branch says nothing: RFC 792
// asks for no more than the UDP header, and some systems keep to that; the timers find out then.
func (c *Core) Undelivered(k FlowKey, quote []byte) {
	defer c.caught()
	key, ok := quoted(quote)
	if !ok {
		return
	}
	i, ours := c.shardOfBranch(key.branch)
	if !ours {
		return
	}
	_ = c.shards[i].box.put(item{fn: func(sh *Shard) { sh.undelivered(k, key) }}, ongoing) // lost: the timers find out
}

// quoted reads the transaction out of the beginning of a request of ours: its first line says the method, its second is the Via.
func quoted(b []byte) (clientKey, bool) {
	first, rest, _ := strings.Cut(string(b[:min(len(b), quoteMost)]), "\r\n")
	via, _, whole := strings.Cut(rest, "\r\n")
	method, _, ok := strings.Cut(first, " ")
	_, branch, found := strings.Cut(via, ";branch=")
	branch, _, _ = strings.Cut(branch, ";")
	return clientKey{branch, wire.Method(method)}, ok && whole && found
}

// undelivered fails a request that nobody can answer. One inside a dialog is repeated all the same: it has nowhere else to go, and a peer
// that restarts is back soon.
func (sh *Shard) undelivered(k FlowKey, key clientKey) {
	cl := sh.clients[key]
	if cl == nil || cl.reliable || cl.state != clientCalling || cl.flow.Key() != k || cl.inside() {
		return
	}
	cl.terminate()
	cl.fail(ErrRefused)
}

// inside reports whether the request belongs to a dialog.
func (cl *Client) inside() bool {
	m, _ := wire.Read(cl.bytes, wire.CanonOptions{})
	return m != nil && m.ToTag() != ""
}
