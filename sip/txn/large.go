package txn

import (
	"time"

	"drawbridge/sip/wire"
)

// maxDatagram is the largest request, in bytes, that goes into a datagram where the path MTU is not known (RFC 3261 section 18.1.1).
const maxDatagram = 1300

// upgradeWait is how long a large request waits for its connection. Chosen here: a peer that drops what it does not take would hold it up
// for as long as the system tries to connect.
const upgradeWait = 2 * time.Second

// Upgrader is a Flow over datagrams that knows a way for what should not go into one.
type Upgrader interface {
	// Upgrade returns the connection to the same peer, without waiting for it; nil when there is none to be had, or it was refused lately.
	Upgrade() Upgraded
}

// Upgraded is the connection that a request takes for its size.
type Upgraded interface {
	Flow
	// Connected reports whether it has come about.
	Connected() bool
	// GiveUp says that it was waited for in vain: it ends, and the peer is left alone with connections for a while. A connection that
	// has come about is not touched.
	GiveUp()
}

// large starts a transaction over a connection because its request is too large for f; nil when that cannot be done. Responses are never
// moved: they go back the way their request came, at any size.
func (sh *Shard) large(f Flow, m *wire.Message, k clientKey, u ClientUser) *Client {
	up, ok := f.(Upgrader)
	if !ok {
		return nil
	}
	way := up.Upgrade()
	if way == nil {
		return nil
	}
	datagram := m.Via
	m.Via = Via(way, k.branch)
	cl, err := sh.start(way, sh.copies.write(m), k, u)
	if err != nil {
		m.Via = datagram
		return nil
	}
	cl.small = f
	cl.retry = sh.clock.after(upgradeWait, cl, retry)
	return cl
}

// unconnected looks after a while whether the connection has come about.
func (cl *Client) unconnected() {
	if way, ok := cl.flow.(Upgraded); ok && cl.state == clientCalling && !way.Connected() {
		cl.fallBack()
	}
}

// fallBack sends a large request in a datagram after all (RFC 3261 section 18.1.1): the same transaction, with the Via of the other way.
func (cl *Client) fallBack() {
	way, f := cl.flow, cl.small
	cl.sh.untie(cl.tie)
	cl.small, cl.flow, cl.reliable = nil, f, false
	cl.bytes = Readdress(cl.bytes, f)
	if up, ok := way.(Upgraded); ok {
		up.GiveUp()
	}
	if err := f.Send(cl.bytes); err != nil {
		cl.terminate()
		cl.fail(err)
		return
	}
	cl.interval = T1
	cl.retry.Stop()
	cl.retry = cl.sh.clock.after(cl.interval, cl, retry)
}

// Readdress gives a request of ours, as bytes, the Via of another way; its branch stays.
func Readdress(request []byte, f Flow) []byte {
	m, verdict := wire.Read(request, wire.CanonOptions{})
	if verdict.Status != 0 {
		return request // not one of ours
	}
	m.Via = Via(f, m.Branch())
	return m.Bytes()
}
