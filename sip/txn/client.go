package txn

import (
	"time"

	"drawbridge/sip/wire"
)

// clientState follows the client machines (RFC 3261 figures 5 and 6, RFC 6026 section 7.2). Calling is Trying for non-INVITE.
//
//	INVITE      Calling (A, B) -> Proceeding -> Completed (300-699: ACK; D) -> Terminated
//	                  \                \------> Accepted  (2xx; M) ------------^
//	non-INVITE  Trying (E, F) -> Proceeding (E, F) -> Terminated (Completed takes no time: there is nothing to be sent again)
type clientState uint8

const (
	clientCalling clientState = iota
	clientProceeding
	clientAccepted
	clientCompleted
	clientTerminated
)

// cancelState: a CANCEL waits for a 1xx (RFC 3261 section 9.1).
type cancelState uint8

const (
	notCancelled cancelState = iota
	cancelWanted
	cancelSent
)

// clientKey: we minted the branch, so it needs no hash.
type clientKey struct {
	branch string
	method wire.Method
}

// Client is a client transaction. It belongs to its shard's goroutine.
type Client struct {
	sh       *Shard
	flow     Flow
	small    Flow // the way of a large request when its connection does not come about
	user     ClientUser
	key      clientKey
	reliable bool
	tie      *tether

	state    clientState
	buried   bool // a relic is all that is left of it
	cancel   cancelState
	why      []wire.Field // of the CANCEL that waits
	bytes    []byte       // the request; in Completed of an INVITE the ACK
	interval time.Duration
	retry    Timer // A, E
	life     Timer // B, D, F, M, and the wait after a CANCEL
}

// Request sends a request over f and runs its client machine. It sets the Via, and User-Agent when Config.Server is set and the
// request has none; where u is an Editor, it has the last word. What comes of it goes to u, never before Request has returned. Errors:
// ErrMethod, the Editor's and the transport's, when nothing was sent. A request that is too large for a datagram takes a connection where f knows one (Upgrader).
func (sh *Shard) Request(f Flow, m *wire.Message, u ClientUser) (*Client, error) {
	if m.Method == wire.ACK || m.Method == wire.CANCEL {
		return nil, ErrMethod
	}
	branch := sh.branch()
	m.Via = Via(f, branch)
	sh.core.sign(m)
	if e, ok := u.(Editor); ok {
		edited, err := e.Edit(m)
		if edited == nil {
			return nil, err
		}
		m = edited
	}
	b, k := sh.copies.write(m), clientKey{branch, m.Method}
	if len(b) > maxDatagram && !f.Reliable() {
		if cl := sh.large(f, m, k, u); cl != nil {
			return cl, nil
		}
		b = sh.copies.write(m) // with the Via of the datagram again
	}
	return sh.start(f, b, k, u)
}

// Via is the one Via of a request that starts here; rport is always asked for (RFC 3581).
func Via(f Flow, branch string) []wire.Via {
	own := &struct {
		via    [1]wire.Via
		params [2]wire.Param
	}{params: [2]wire.Param{{Name: "branch", Value: branch}, {Name: "rport"}}}
	own.via[0] = wire.Via{Transport: f.Transport(), Host: SentByHost(f), Port: int(f.SentBy().Port()), Params: own.params[:]}
	return own.via[:]
}

// start sends b, which it copies, and runs the machine of the request that b is.
func (sh *Shard) start(f Flow, b []byte, k clientKey, u ClientUser) (*Client, error) {
	cl := &Client{sh: sh, flow: f, user: u, key: k, reliable: f.Reliable(), interval: T1}
	if err := f.Send(b); err != nil {
		return nil, err
	}
	cl.bytes = sh.copies.keep(b)
	sh.clients[k] = cl
	cl.tie = sh.tie(cl, f)
	cl.life = sh.clock.after(TimerB, cl, life) // F is as long
	if !cl.reliable {
		cl.retry = sh.clock.after(cl.interval, cl, retry)
	}
	return cl, nil
}

// Flow is the way the request went.
func (cl *Client) Flow() Flow { return cl.flow }

// Shard is the shard that owns the transaction.
func (cl *Client) Shard() *Shard { return cl.sh }

// Cancel gives up an INVITE: the CANCEL goes out as soon as a provisional response is there. A final response still comes, at times
// a 2xx; without one the user hears ErrTimeout 64*T1 after the CANCEL. why are fields of the CANCEL, such as Reason (RFC 3326). Cancel
// does nothing after a final response, or twice.
func (cl *Client) Cancel(why ...wire.Field) {
	if !cl.invite() || cl.cancel != notCancelled || cl.state > clientProceeding {
		return
	}
	cl.cancel, cl.why = cancelWanted, why
	if cl.state == clientProceeding {
		cl.sendCancel()
	}
}

func (cl *Client) invite() bool { return cl.key.method == wire.INVITE }

// from reports whether a response may come this way.
func (cl *Client) from(f Flow) bool {
	if cl.reliable {
		return f.Key() == cl.flow.Key()
	}
	return f.Realm() == cl.flow.Realm()
}

// response takes a response that matches.
func (cl *Client) response(m *wire.Message) {
	switch {
	case m.Status < 200:
		cl.provisional(m)
	case !cl.invite():
		cl.answered(m)
	case m.Status < 300:
		cl.accepted(m)
	default:
		cl.rejected(m)
	}
}

func (cl *Client) provisional(m *wire.Message) {
	if cl.state > clientProceeding {
		return
	}
	if cl.state == clientCalling {
		cl.state = clientProceeding
		if cl.invite() {
			cl.retry.Stop()
			cl.life.Stop() // from here on the user decides how long it rings (Timer C)
		}
	}
	if cl.cancel == cancelWanted {
		cl.sendCancel()
	}
	cl.tell(m)
}

// answered takes the final response to a request other than INVITE. Copies of it match nothing from here on, and are dropped as Timer K would
// have it.
func (cl *Client) answered(m *wire.Message) {
	if cl.state > clientProceeding {
		return
	}
	cl.letGo()
	cl.terminate()
	cl.tell(m)
}

// accepted takes a 2xx to INVITE: the first, its retransmissions, and those of other forks. The user acknowledges each.
func (cl *Client) accepted(m *wire.Message) {
	switch cl.state {
	case clientCalling, clientProceeding:
		cl.state = clientAccepted
		cl.retry.Stop()
		cl.letGo()
		cl.outlive(TimerM)
	case clientAccepted:
	default:
		return
	}
	cl.tell(m)
}

// letGo gives up the request.
func (cl *Client) letGo() {
	cl.sh.copies.letGo(cl.bytes)
	cl.bytes = nil
}

// rejected takes a 3xx-6xx to INVITE and acknowledges each copy at once.
func (cl *Client) rejected(m *wire.Message) {
	switch cl.state {
	case clientCalling, clientProceeding:
		cl.bytes = ackTo(cl.bytes, m)
		cl.state = clientCompleted
		cl.retry.Stop()
		_ = cl.flow.Send(cl.bytes) // lost: the response comes again
		cl.rest(cl.sh.clock.due(TimerD, life), relicRefused, cl.bytes)
		cl.tell(m)
	default: // a fork that lost, behind a 2xx
	}
}

// ackTo makes the ACK to a non-2xx (RFC 3261 section 17.1.1.3) from the bytes of its INVITE.
func ackTo(invite []byte, response *wire.Message) []byte {
	ack := sibling(invite, wire.ACK)
	ack.To = response.To
	return ack.Bytes()
}

// sibling makes an ACK or CANCEL that belongs to an INVITE: same Request-URI, Via, Route, From, To, Call-ID and CSeq number. The INVITE
// is read back from what was sent: these are rare, and keeping its parts for them would cost every call.
func sibling(invite []byte, method wire.Method) *wire.Message {
	in, _ := wire.Read(invite, wire.CanonOptions{})
	m := wire.NewRequest(method, in.URI)
	m.Via, m.Route = in.Via, in.Route
	m.From, m.To, m.CallID = in.From, in.To, in.CallID
	m.CSeq = wire.CSeq{Seq: in.CSeq.Seq, Method: method}
	return m
}

// sendCancel starts the CANCEL's own transaction. Its answer says nothing: the INVITE's final response is waited for.
func (cl *Client) sendCancel() {
	cl.cancel = cancelSent
	cl.outlive(TimerB)
	m := sibling(cl.bytes, wire.CANCEL)
	m.Fields, cl.why = append(m.Fields, cl.why...), nil
	_, _ = cl.sh.start(cl.flow, cl.sh.copies.write(m), clientKey{cl.key.branch, wire.CANCEL}, nil) // not sent: life ends the INVITE all the same
}

// expire is Timer A or E (retry), or the end of a state (life).
func (cl *Client) expire(kind timerKind) {
	if kind == retry {
		cl.again()
		return
	}
	was := cl.state
	cl.terminate()
	switch {
	case was <= clientProceeding:
		cl.fail(ErrTimeout)
	case was == clientAccepted:
		if u, ok := cl.user.(Ender); ok {
			u.Ended(cl.sh, cl)
		}
	}
}

// again retransmits: A doubles without limit, E up to T2 and stays there once something was heard.
func (cl *Client) again() {
	switch {
	case cl.reliable:
		cl.unconnected()
		return
	case cl.invite():
		cl.interval *= 2
	case cl.state == clientProceeding:
		cl.interval = T2
	default:
		cl.interval = backoff(cl.interval)
	}
	if err := cl.flow.Send(cl.bytes); err != nil {
		cl.terminate()
		cl.fail(err)
		return
	}
	cl.retry = cl.sh.clock.after(cl.interval, cl, retry)
}

func (cl *Client) flowLost(err error) {
	if cl.small != nil && cl.state == clientCalling {
		cl.fallBack()
		return
	}
	waiting := cl.state <= clientProceeding
	cl.terminate()
	if waiting {
		cl.fail(err)
	}
}

// tell and fail reach the user; a CANCEL has none.
func (cl *Client) tell(m *wire.Message) {
	if cl.user != nil {
		cl.user.Response(cl.sh, cl, m)
	}
}

func (cl *Client) fail(err error) {
	if cl.user != nil {
		cl.user.Failed(cl.sh, cl, err)
	}
}

// outlive ends the state after d, on every transport.
func (cl *Client) outlive(d time.Duration) {
	cl.life.Stop()
	cl.life = cl.sh.clock.after(d, cl, life)
}

// Pack is for an INVITE with a 2xx whose user has nothing left to do but to acknowledge further ones: what the user writes down is kept in
// its place (Packer). It does nothing in any other state, and on connections.
func (cl *Client) Pack() {
	u, ok := cl.user.(Packer)
	if !ok || cl.state != clientAccepted || cl.reliable || cl.buried {
		return
	}
	cl.rest(cl.life.entry.due, relicOpen, u.Pack(nil))
	cl.user = nil
}

// rest leaves a relic behind until due in place of the machine, none where nothing is retransmitted.
func (cl *Client) rest(due time.Duration, kind relicKind, b []byte) {
	if cl.reliable {
		cl.terminate()
		return
	}
	cl.retry.Stop()
	cl.life.Stop()
	cl.buried = true
	delete(cl.sh.clients, cl.key)
	cl.sh.bury(relic{key: cl.sh.core.keys.client(cl.key), kind: kind}, due, b, cl.flow)
}

func (cl *Client) terminate() {
	if cl.buried {
		return
	}
	cl.state = clientTerminated
	cl.retry.Stop()
	cl.life.Stop()
	cl.sh.untie(cl.tie)
	delete(cl.sh.clients, cl.key)
}
