package txn

import (
	"cmp"
	"strings"
	"time"

	"drawbridge/sip/wire"
)

// serverState follows the server machines (RFC 3261 figures 7 and 8, RFC 6026 section 7.1). Trying is the time before the first
// response, of INVITE too.
//
//	INVITE      Trying -> Proceeding -> Completed (300-699; G, H) -> Confirmed (ACK; I) -> Terminated
//	                 \         \------> Accepted  (2xx; L) ----------------------------------^
//	non-INVITE  Trying -> Proceeding -> Completed (final; J) -> Terminated
type serverState uint8

const (
	serverTrying serverState = iota
	serverProceeding
	serverAccepted
	serverCompleted
	serverConfirmed
	serverTerminated
)

// Server is a server transaction. It belongs to its shard's goroutine.
type Server struct {
	sh       *Shard
	flow     Flow // the way the request came
	reply    Flow // the way its answers go
	method   wire.Method
	branch   uint32 // a hash of it
	unique   bool   // the branch is (RFC 3261 section 8.1.1.7)
	key      key
	merge    key // in Shard.merged
	size     int // bytes the request came in
	reliable bool
	tie      *tether
	drifting
	editor Editor // of responses; nil: none

	state     serverState
	cancelled bool
	buried    bool // a relic is all that is left of it
	tag       string
	asked     *wire.Message // an INVITE that has no response yet: what 100 Trying is made of
	last      []byte        // what a retransmission of the request gets
	interval  time.Duration
	retry     Timer // the wait for 100 Trying, then G
	life      Timer // H, I, J, L; J of a CANCEL too
}

// begin makes the transaction of a new request.
func (sh *Shard) begin(it *item) *Server {
	m := it.msg
	tx := &Server{
		sh: sh, flow: it.flow, reply: it.reply, key: it.key,
		method: m.Method, size: it.size, reliable: it.flow.Reliable(),
		branch: uint32(sh.core.keys.spread(m.Branch())), unique: strings.HasPrefix(m.Branch(), cookie),
	}
	sh.servers[tx.key] = tx
	tx.tie, tx.port = sh.tie(tx, tx.flow), listens(&m.Via[0])
	if m.ToTag() == "" {
		tx.merge = sh.core.keys.request(m)
		sh.merged[tx.merge] = tx
	} else {
		tx.tag = m.ToTag() // the request is kept by it, for no longer than the transaction
	}
	if m.Method == wire.INVITE {
		tx.tag = strings.Clone(tx.tag)
		tx.asked = m
		tx.retry = sh.clock.after(tryingAfter, tx, retry)
	} else {
		tx.life = sh.clock.after(giveUp, tx, life)
	}
	return tx
}

// Flow is the way the request came.
func (tx *Server) Flow() Flow { return tx.flow }

// Shard is the shard that owns the transaction.
func (tx *Server) Shard() *Shard { return tx.sh }

// Through lets an editor change the responses from here on, but for 100 Trying, which the transaction sends itself.
func (tx *Server) Through(e Editor) { tx.editor = e }

// Tag is the To tag of the responses: the request's own, or one minted on first use. CANCEL is answered with it too.
func (tx *Server) Tag() string {
	if tx.tag == "" {
		tx.tag = tx.sh.Token()
	}
	return tx.tag
}

// final reports whether a final response was sent.
func (tx *Server) final() bool { return tx.state > serverProceeding }

// Respond sends a response: provisional ones, then one final. After a 2xx to INVITE further 2xx are sent as they come (RFC 6026
// section 7.1): retransmitting them until the ACK is the user's business, see Resend. A 408 to anything but INVITE ends the
// transaction in silence (RFC 4320 section 4.2). Errors: ErrFinalSent, ErrTerminated, the editor's and the transport's.
func (tx *Server) Respond(m *wire.Message) error {
	m, unedited := tx.edit(m)
	switch {
	case m == nil:
		return unedited
	case tx.state == serverTerminated:
		return ErrTerminated
	case tx.state == serverAccepted && m.Status/100 == 2:
	case tx.final():
		return ErrFinalSent
	case m.Status == 408 && tx.method != wire.INVITE:
		tx.terminate()
		return nil
	}
	if tag := m.ToTag(); m.Status > 100 && tag != tx.tag {
		tx.tag = strings.Clone(tag)
	}
	tx.retry.Stop()
	first := !tx.final()
	tx.enter(m.Status)
	tx.keep(m)
	if first && tx.final() {
		tx.answered(m.Status)
	}
	err := tx.send()
	if tx.buried && tx.state == serverCompleted {
		tx.last = nil // it is the scratch's
	}
	return cmp.Or(unedited, err)
}

// edit signs a response and is what the editor makes of it.
func (tx *Server) edit(m *wire.Message) (*wire.Message, error) {
	tx.sh.core.sign(m)
	if tx.editor == nil {
		return m, nil
	}
	return tx.editor.Edit(m)
}

// answered tells of the final answer.
func (tx *Server) answered(status int) {
	if hear := tx.sh.core.cfg.Answered; hear != nil {
		hear(tx.flow, tx.method, status)
	}
}

// keep writes a response down, to be sent and for the copies of its request.
func (tx *Server) keep(m *wire.Message) {
	tx.asked = nil
	tx.letGo()
	b := tx.sh.copies.write(m)
	switch {
	case tx.state != serverCompleted || tx.method == wire.INVITE:
		tx.last = tx.sh.copies.keep(b)
	case tx.reliable:
		tx.last = tx.sh.copies.keep(b)
		tx.terminate() // the caller still sends it: what ends is the memory of it
	default:
		tx.last = b
		tx.bury(tx.sh.clock.due(TimerJ, life), relicAnswered, b)
	}
}

// letGo gives up the last response.
func (tx *Server) letGo() {
	tx.sh.copies.letGo(tx.last)
	tx.last = nil
}

// bury leaves a relic behind until due, in place of the machine.
func (tx *Server) bury(due time.Duration, kind relicKind, b []byte) {
	tx.retry.Stop()
	tx.life.Stop()
	tx.buried = true
	sh := tx.sh
	delete(sh.servers, tx.key)
	if tx.merge != (key{}) {
		delete(sh.merged, tx.merge)
	}
	if tx.method == wire.INVITE {
		sh.box.forget(tx.key) // its caller has heard the answer
	}
	sh.bury(relic{key: tx.key, merge: tx.merge, fork: tx.branch, kind: kind}, due, b, nil)
}

// Settle says that the 2xx to an INVITE has been acknowledged, or never will be: Resend has nothing more to send.
func (tx *Server) Settle() {
	if tx.state != serverAccepted || tx.buried {
		return
	}
	tx.letGo()
	if !tx.reliable {
		tx.bury(tx.life.entry.due, relicAccepted, []byte(tx.tag))
	}
}

// Dismiss answers req, the transaction's own request, and forgets it (RFC 3261 section 8.2.7): the response leaves once, under a tag
// that follows from the request, and no timer runs. It is for what a stranger may ask for, such as a challenge, which must cost no
// memory and be no source of retransmissions. A request that comes again is new to the user; the ACK is swallowed. A transaction that
// has its final response is left alone.
func (tx *Server) Dismiss(req *wire.Message, status int, fields ...wire.Field) {
	if tx.final() {
		return
	}
	tx.terminate()
	m := wire.NewResponse(req, status, "", tx.sh.core.statelessTag(req))
	m.Fields = append(m.Fields, fields...)
	if m, _ = tx.edit(m); m == nil { // the editor has told of it
		return
	}
	tx.answered(m.Status)
	tx.sh.core.respond(tx.reply, m, tx.size)
}

// enter moves to the state that a response leads to.
func (tx *Server) enter(status int) {
	switch {
	case status < 200:
		tx.state = serverProceeding
	case tx.method != wire.INVITE:
		tx.state = serverCompleted
	case status < 300:
		if tx.state != serverAccepted {
			tx.state = serverAccepted
			tx.outlive(TimerL)
		}
	default:
		tx.state = serverCompleted
		tx.outlive(TimerH)
		if !tx.reliable {
			tx.interval = T1
			tx.retry = tx.sh.clock.after(tx.interval, tx, retry)
		}
	}
}

// Resend sends the last response once more: how a user retransmits its 2xx (RFC 3261 section 13.3.1.4). Errors: ErrTerminated, after
// Settle too, and the transport's.
func (tx *Server) Resend() error {
	if tx.state == serverTerminated || tx.last == nil {
		return ErrTerminated
	}
	return tx.send()
}

// again takes a retransmission of the request. The user never sees it.
func (tx *Server) again() {
	if tx.state == serverProceeding || tx.state == serverCompleted {
		_ = tx.send() // lost like any datagram: the next retransmission brings us here again
	}
}

// acked takes an ACK that matches the INVITE and reports whether it ends here. One in the Accepted state is for the dialog.
func (tx *Server) acked() bool {
	switch tx.state {
	case serverAccepted:
		return false
	case serverCompleted:
		tx.retry.Stop()
		tx.state = serverConfirmed
		tx.letGo()
		switch {
		case tx.reliable:
			tx.terminate() // nothing is retransmitted
		case tx.cancelled:
			tx.bury(tx.sh.clock.due(TimerJ, life), relicConfirmed, []byte(tx.tag)) // copies of the CANCEL get its answer again
		default:
			tx.bury(tx.sh.clock.due(TimerI, life), relicConfirmed, []byte(tx.tag))
		}
	default: // too early, or a copy
	}
	return true
}

// expire is Timer G or the wait for 100 Trying (retry), or the end of a state (life).
func (tx *Server) expire(kind timerKind) {
	if kind == life {
		unacked := tx.state == serverCompleted && tx.method == wire.INVITE
		tx.terminate()
		if unacked {
			tx.sh.core.user.Unacked(tx.sh, tx)
		}
		return
	}
	if tx.state == serverTrying {
		tx.state = serverProceeding
		tx.keep(wire.NewResponse(tx.asked, 100, "", ""))
	} else {
		tx.interval = backoff(tx.interval)
		tx.retry = tx.sh.clock.after(tx.interval, tx, retry)
	}
	_ = tx.send() // Timer H tells the user when nothing got through
}

func (tx *Server) flowLost(error) {
	if tx.outlives() {
		tx.drift()
		return
	}
	tx.terminate()
}

// Ended reports whether nothing can be answered any more.
func (tx *Server) Ended() bool { return tx.state == serverTerminated }

// outlive ends the transaction after d, on every transport.
func (tx *Server) outlive(d time.Duration) {
	tx.life.Stop()
	tx.life = tx.sh.clock.after(d, tx, life)
}

func (tx *Server) terminate() {
	if tx.state == serverTerminated || tx.buried {
		return
	}
	tx.state = serverTerminated
	tx.asked = nil
	tx.retry.Stop()
	tx.life.Stop()
	sh := tx.sh
	sh.untie(tx.tie)
	delete(sh.servers, tx.key)
	if tx.hosted {
		sh.hosted--
	}
	if tx.merge != (key{}) && sh.merged[tx.merge] == tx {
		delete(sh.merged, tx.merge)
	}
	if tx.method == wire.INVITE {
		sh.box.forget(tx.key)
	}
}
