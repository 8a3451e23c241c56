package txn

import (
	"net/netip"
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// A server transaction outlives its connection where its peer may be followed (RFC 3261 section 18.2.2): its answers go over another
// connection, and so does what the peer still has to say of it. An INVITE is then entered under the peer's host, in place of the
// connection.

// Returner is a connection whose peer may be answered over another one when it has ended.
type Returner interface {
	// Returns reports whether the peer may be followed: it is configured, or has proved who it is.
	Returns() bool
	// Return leads to a port of the same peer, over a connection that is open or one that is made now. It does not block. Errors: the
	// transport's.
	Return(port uint16) (Flow, error)
}

// drifting is what a transaction knows of its peer when the connection has gone.
type drifting struct {
	port   uint16 // where the peer listens
	adrift bool   // the connection has gone, and none has taken its place
	hosted bool   // entered under the peer's host
}

// listens is the port at which a peer takes connections: that of its Via, else the transport's own.
func listens(via *wire.Via) uint16 {
	switch {
	case via.Port != 0:
		return uint16(via.Port)
	case strings.EqualFold(via.Transport, "TLS"):
		return defaultTLS
	default:
		return defaultPort
	}
}

// outlives reports whether the transaction goes on without its connection: there is something left to answer, and a way to do it.
func (tx *Server) outlives() bool {
	return (tx.state <= serverProceeding || tx.state == serverAccepted && tx.last != nil) && leadsBack(tx.flow)
}

func leadsBack(f Flow) bool {
	r, ok := f.(Returner)
	return ok && r.Returns()
}

// drift leaves the connection behind.
func (tx *Server) drift() {
	if tx.adrift = true; tx.Ended() { // the last answer is all that is left of it
		return
	}
	tx.sh.untie(tx.tie)
	via, known := tx.via()
	if tx.hosted || !known || tx.method != wire.INVITE || !tx.unique {
		return
	}
	sh := tx.sh
	sh.box.forget(tx.key)
	delete(sh.servers, tx.key)
	tx.key, tx.hosted = sh.core.keys.hosted(tx.flow, wire.INVITE, &via), true
	sh.servers[tx.key] = tx
	sh.hosted++
}

// via is the request's own. Nothing is kept of a request that has been handed on, so it is read back from what was answered.
func (tx *Server) via() (via wire.Via, known bool) {
	if tx.asked != nil {
		return tx.asked.Via[0], true
	}
	m, verdict := wire.Read(tx.last, wire.CanonOptions{})
	if m == nil || verdict.Status != 0 {
		return wire.Via{}, false
	}
	return m.Via[0], true
}

// moor makes f the way of the transaction.
func (tx *Server) moor(f Flow) {
	tx.sh.untie(tx.tie)
	tx.flow, tx.reply, tx.reliable, tx.adrift = f, f, f.Reliable(), false
	if !tx.Ended() {
		tx.tie = tx.sh.tie(tx, f)
	}
}

// send sends the last answer, over another connection when the request's has gone.
func (tx *Server) send() error {
	if !tx.adrift {
		err := tx.reply.Send(tx.last)
		if err == nil || !ended(tx.reply) || !leadsBack(tx.flow) {
			return err
		}
		tx.drift() // the news of the end is still on its way
	}
	way, err := tx.flow.(Returner).Return(tx.port)
	if err != nil {
		return err
	}
	tx.moor(way)
	return way.Send(tx.last)
}

func ended(f Flow) bool {
	m, mortal := f.(Mortal)
	return mortal && m.Ended()
}

// returned finds the INVITE whose peer speaks of it over another connection than it began on, and takes that one from here on.
func (sh *Shard) returned(it *item) *Server {
	if sh.hosted == 0 || !it.flow.Reliable() {
		return nil
	}
	tx := sh.servers[sh.core.keys.hosted(it.flow, it.msg.Method, &it.msg.Via[0])]
	if tx == nil || !samePeer(tx.flow, it.flow) {
		return nil
	}
	if it.invite() {
		sh.box.forget(it.key)
	}
	if tx.flow.Key() != it.flow.Key() {
		tx.moor(it.flow)
	}
	return tx
}

// samePeer reports whether two connections of one host are of one peer.
func samePeer(a, b Flow) bool {
	return a.Transport() == b.Transport() && slices.Equal(names(a), names(b))
}

func names(f Flow) []string {
	if peer, ok := f.(Identified); ok {
		return peer.Identity()
	}
	return nil
}

// supersede ends an INVITE whose connection has gone and that its caller tries again (RFC 3263 section 4.3): the new one is no copy.
func (sh *Shard) supersede(tx *Server, it *item) bool {
	if !tx.adrift || tx.final() || !it.flow.Reliable() || it.flow.Realm() != tx.flow.Realm() ||
		it.flow.Remote().Addr() != tx.flow.Remote().Addr() || !samePeer(tx.flow, it.flow) {
		return false
	}
	tx.terminate()
	if tx.method == wire.INVITE && !tx.cancelled {
		sh.core.user.Cancel(sh, tx, it.msg)
	}
	return true
}

// hosted is what an INVITE of a peer is matched by when it does not matter over which connection it came.
func (kr *keyer) hosted(f Flow, method wire.Method, via *wire.Via) key {
	if method == wire.ACK || method == wire.CANCEL {
		method = wire.INVITE
	}
	host := FlowKey{Realm: f.Realm(), Remote: netip.AddrPortFrom(f.Remote().Addr(), 0)}
	var room [identityRoom]byte
	return kr.of(identity(room[:0]).match(host, method, via.Host, via.Port, via.Params.Get("branch")))
}
