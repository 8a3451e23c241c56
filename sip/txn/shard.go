package txn

import (
	"context"
	crand "crypto/rand"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"drawbridge/sip/wire"
)

// Chosen here.
const (
	timersEvery = 32   // events between two looks at the timers when the mailbox is long
	spareItems  = 1024 // a longer queue's array is not kept
)

// Shard is one goroutine's worth of transactions and calls. Its methods, and those of the transactions and timers it hands out, are
// for its own goroutine: inside a User or ClientUser method, a timer or a posted function.
type Shard struct {
	core   *Core
	index  int
	box    *mailbox
	clock  *clock
	random *rand.ChaCha8

	copies copies

	servers map[key]*Server
	merged  map[key]*Server // by keyer.request, requests outside a dialog
	relics  relics
	clients map[clientKey]*Client
	flows   map[FlowKey]*tether
	hosted  int // servers that are entered under their peer's host

	gauge struct{ servers, clients, timers atomic.Int64 }
}

func newShard(c *Core, index int) *Shard {
	var seed [32]byte
	crand.Read(seed[:])
	return &Shard{
		core: c, index: index,
		box: newMailbox(c.cfg.Mailbox), clock: newClock(), random: rand.NewChaCha8(seed),
		servers: make(map[key]*Server), merged: make(map[key]*Server), relics: newRelics(), clients: make(map[clientKey]*Client),
		flows: make(map[FlowKey]*tether),
	}
}

// Index is the shard's number, for Core.Post.
func (sh *Shard) Index() int { return sh.index }

// Core returns the core that the shard belongs to.
func (sh *Shard) Core() *Core { return sh.core }

// Token mints an identifier that leads back to this shard: a tag, a Call-ID, a Contact user part.
func (sh *Shard) Token() string {
	var room [tokenLen]byte
	return string(sh.core.mint(room[:0], sh.index, sh.random))
}

// branch mints a Via branch.
func (sh *Shard) branch() string {
	var room [len(cookie) + tokenLen]byte
	return string(sh.core.mint(append(room[:0], cookie...), sh.index, sh.random))
}

// After runs fn on the shard's goroutine when d has passed.
func (sh *Shard) After(d time.Duration, fn func()) Timer {
	return sh.clock.after(d, userTimer(fn), life)
}

// Send sends bytes outside a transaction: the ACK to a 2xx, which is the dialog's business.
func (sh *Shard) Send(f Flow, b []byte) error { return f.Send(b) }

// loop runs the shard until ctx ends.
func (sh *Shard) loop(ctx context.Context) {
	defer sh.box.close()
	sh.clock.tick = time.NewTimer(time.Hour)
	defer sh.clock.tick.Stop()
	var spare []item
	for {
		sh.clock.arm()
		select {
		case <-ctx.Done():
			return
		case <-sh.clock.tick.C:
			sh.clock.armed = 0
		case <-sh.box.wake:
			batch := sh.box.take(spare)
			sh.drain(ctx, batch)
			sh.box.ended()
			sh.core.shed.settle(sh.core.cfg.Events)
			clear(batch)
			if spare = batch[:0]; cap(spare) > spareItems {
				spare = nil
			}
		}
		sh.fire()
		sh.measure()
	}
}

// drain handles a batch in order. A long one holds up neither the timers nor the readers: a flow that is not read loses its answers and
// BYEs with the INVITEs, one that is read loses nothing and has the INVITEs turned away.
func (sh *Shard) drain(ctx context.Context, batch []item) {
	for i := range batch {
		sh.box.begun(&batch[i])
		sh.handle(&batch[i])
		sh.box.handled(&batch[i])
		if i%timersEvery == timersEvery-1 {
			sh.fire()
			runtime.Gosched()
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// handle runs one event; a panic ends with the event.
func (sh *Shard) handle(it *item) {
	defer sh.core.caught()
	switch {
	case it.fn != nil:
		it.fn(sh)
	case it.msg.IsRequest():
		sh.request(it)
	default:
		sh.response(it)
	}
}

// fire runs every timer that is due, but none that was set meanwhile: messages come first.
func (sh *Shard) fire() {
	last := sh.clock.seq
	for {
		owner, kind, ok := sh.clock.next(last)
		if !ok {
			return
		}
		sh.wake(owner, kind)
	}
}

func (sh *Shard) wake(owner expirer, kind timerKind) {
	defer sh.core.caught()
	owner.expire(kind)
}

func (sh *Shard) measure() {
	sh.gauge.servers.Store(int64(len(sh.servers) + sh.relics.servers))
	sh.gauge.clients.Store(int64(len(sh.clients) + sh.relics.clients))
	sh.gauge.timers.Store(int64(sh.clock.set))
}

// response hands a response to its client transaction. Branch and CSeq method match it (RFC 3261 section 17.1.3); it must also come
// from the realm that was asked, and on a connection from that connection.
func (sh *Shard) response(it *item) {
	cl := sh.clients[clientKey{it.msg.Branch(), it.msg.CSeq.Method}]
	if cl == nil {
		if d, r := sh.relics.find(sh.core.keys.client(clientKey{it.msg.Branch(), it.msg.CSeq.Method})); r != nil {
			sh.echoed(d, r, it)
			return
		}
	}
	if cl == nil || !cl.from(it.flow) {
		sh.core.strays.Add(1)
		return
	}
	cl.response(it.msg)
}

// flowLost ends the transactions of a connection, then tells the user.
func (sh *Shard) flowLost(k FlowKey, err error) {
	for t := sh.flows[k]; t != nil; t = sh.flows[k] {
		sh.untie(t)
		sh.lost(t.tx, err)
	}
	sh.core.user.FlowLost(sh, k)
}

func (sh *Shard) lost(tx transaction, err error) {
	defer sh.core.caught()
	tx.flowLost(err)
}

// transaction is what a lost connection takes with it.
type transaction interface{ flowLost(err error) }

// tether links the transactions of one connection. Connectionless flows cannot be lost: their transactions have none.
type tether struct {
	tx         transaction
	key        FlowKey
	prev, next *tether
	tied       bool
}

func (sh *Shard) tie(tx transaction, f Flow) *tether {
	if !f.Reliable() {
		return nil
	}
	t := &tether{tx: tx, key: f.Key(), tied: true}
	if t.next = sh.flows[t.key]; t.next != nil {
		t.next.prev = t
	}
	sh.flows[t.key] = t
	return t
}

func (sh *Shard) untie(t *tether) {
	if t == nil || !t.tied {
		return
	}
	t.tied = false
	if t.next != nil {
		t.next.prev = t.prev
	}
	switch {
	case t.prev != nil:
		t.prev.next = t.next
	case t.next != nil:
		sh.flows[t.key] = t.next
	default:
		delete(sh.flows, t.key)
	}
	t.prev, t.next = nil, nil
}

// respond500 answers for a user that panicked.
func respond500(tx *Server, req *wire.Message) {
	_ = tx.Respond(wire.NewResponse(req, 500, "", tx.Tag())) // ErrFinalSent: the user had got that far
}
