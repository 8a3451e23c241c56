package txn

import (
	"strings"
	"time"

	"drawbridge/sip/wire"
)

// Over datagrams a transaction outlives its final answer by half a minute, for copies of what it has heard. At some thousand calls a second
// that makes hundreds of thousands of them, which say nothing any more but what they said last. What is kept of each is one relic, free of
// pointers: the garbage collector has nothing to walk through, where the machines, their timers and their users' calls were most of its work.

// relicKind is what a copy is told.
type relicKind uint8

const (
	relicAnswered  relicKind = iota // server, not INVITE (Completed): the answer once more
	relicAccepted                   // INVITE server, 2xx settled (Accepted): nothing; ACKs are the dialog's
	relicConfirmed                  // INVITE server (Confirmed): nothing, nor to an ACK
	relicHeard                      // client, not INVITE (Completed): nothing
	relicRefused                    // INVITE client (Completed): the ACK once more
	relicOpen                       // INVITE client (Accepted) whose user has been packed: a 2xx brings it back
	relicGone                       // it has been brought back
)

func (k relicKind) server() bool { return k <= relicConfirmed }

// relic is what stays of a transaction.
type relic struct {
	key   key    // keyer.server or keyer.client
	merge key    // of a server transaction, in relics.merged
	start uint32 // in day.bytes: answer, tag of an INVITE server, ACK, or packed user
	end   uint32
	flow  uint32 // clients: in day.flows
	kind  relicKind
}

// day is the relics that end at one point of the grid.
type day struct {
	sh     *Shard
	due    time.Duration
	relics []relic
	bytes  []byte
	flows  []Flow // trunks are few; a flow that is not among the last is entered again
}

// place is where a relic lies.
type place struct {
	day uint32 // its point of the grid, counted: good for six years
	at  uint32
}

// relics are those of one shard.
type relics struct {
	places           map[key]place
	merged           map[key]uint64 // by keyer.request: a hash of the branch
	days             map[time.Duration]*day
	rooms            [2]Room // of places and merged
	spare            []*day  // their arrays are used again
	servers, clients int
}

const (
	spareDays   = 8
	recentFlows = 8
)

func newRelics() relics {
	return relics{places: make(map[key]place), merged: make(map[key]uint64), days: make(map[time.Duration]*day)}
}

// find returns the relic of a key with its day.
func (rs *relics) find(k key) (*day, *relic) {
	p, ok := rs.places[k]
	if !ok {
		return nil, nil
	}
	d := rs.days[time.Duration(p.day)*grid]
	return d, &d.relics[p.at]
}

// bury keeps r until due, a point of the grid, with b; f is where a client's bytes go.
func (sh *Shard) bury(r relic, due time.Duration, b []byte, f Flow) {
	d := sh.day(due)
	r.start = uint32(len(d.bytes))
	d.bytes = append(d.bytes, b...)
	r.end = uint32(len(d.bytes))
	if f != nil {
		r.flow = d.flow(f)
	}
	sh.relics.places[r.key] = place{uint32(d.due / grid), uint32(len(d.relics))}
	d.relics = append(d.relics, r)
	sh.relics.count(r.kind, 1)
}

func (rs *relics) count(k relicKind, n int) {
	if k.server() {
		rs.servers += n
	} else {
		rs.clients += n
	}
}

// day is the one that ends at due.
func (sh *Shard) day(due time.Duration) *day {
	rs := &sh.relics
	if d := rs.days[due]; d != nil {
		return d
	}
	d := rs.empty(due)
	d.sh, d.due = sh, due
	rs.days[due] = d
	sh.clock.at(due, d)
	return d
}

// empty is a day that was used before, or a new one that is as large as the day before it has become.
func (rs *relics) empty(due time.Duration) *day {
	if last := len(rs.spare) - 1; last >= 0 {
		var d *day
		d, rs.spare = rs.spare[last], rs.spare[:last]
		return d
	}
	like := rs.days[due-grid]
	if like == nil {
		return new(day)
	}
	return &day{relics: make([]relic, 0, len(like.relics)), bytes: make([]byte, 0, len(like.bytes)), flows: make([]Flow, 0, len(like.flows))}
}

// flow enters a flow and returns its place.
func (d *day) flow(f Flow) uint32 {
	key := f.Key()
	for i := len(d.flows) - 1; i >= max(0, len(d.flows)-recentFlows); i-- {
		if d.flows[i].Key() == key {
			return uint32(i)
		}
	}
	d.flows = append(d.flows, f)
	return uint32(len(d.flows) - 1)
}

// of is what a relic has kept.
func (d *day) of(r *relic) []byte { return d.bytes[r.start:r.end] }

// expire ends the day, and with it the transactions.
func (d *day) expire(timerKind) {
	rs := &d.sh.relics
	rs.rooms[0].Note(len(rs.places))
	rs.rooms[1].Note(len(rs.merged))
	for i := range d.relics {
		d.sh.forget(&d.relics[i])
	}
	d.sh.box.over(d.relics)
	delete(rs.days, d.due)
	rs.recycle(d)
	rs.places, rs.merged = Lean(rs.places, &rs.rooms[0]), Lean(rs.merged, &rs.rooms[1])
}

// recycle keeps the arrays of a day for another, unless the day was an exception; only one when there are no other days.
func (rs *relics) recycle(d *day) {
	if len(rs.days) == 0 {
		rs.spare = nil
	}
	if len(rs.spare) < spareDays && cap(d.bytes) <= 4*len(d.bytes) {
		clear(d.flows)
		d.relics, d.bytes, d.flows = d.relics[:0], d.bytes[:0], d.flows[:0]
		rs.spare = append(rs.spare, d)
	}
}

// forget ends one; the mailbox has to be told.
func (sh *Shard) forget(r *relic) {
	if r.kind == relicGone {
		return
	}
	delete(sh.relics.places, r.key)
	sh.relics.count(r.kind, -1)
	if r.merge != (key{}) {
		delete(sh.relics.merged, r.merge)
	}
}

// invite tells the relics of the INVITEs that the mailbox knows.
func (k relicKind) invite() bool { return k == relicAccepted || k == relicConfirmed }

// copied takes a request that belongs to a relic.
func (sh *Shard) copied(d *day, r *relic, it *item) {
	switch {
	case r.kind == relicAnswered:
		_ = it.reply.Send(d.of(r)) // lost like any datagram: the next copy brings us here again. The key says that it came the same way
	case it.msg.Method == wire.CANCEL:
		sh.core.answer(it.reply, it.msg, it.size, 200, "", string(d.of(r)))
	case it.msg.Method == wire.ACK && r.kind == relicAccepted:
		sh.toDialog(it)
	default: // a copy of the INVITE, or of the ACK to a failure
	}
}

// echoed takes a response that belongs to a relic.
func (sh *Shard) echoed(d *day, r *relic, it *item) {
	switch r.kind {
	case relicRefused:
		if f := d.flows[r.flow]; it.msg.Status >= 300 && it.flow.Realm() == f.Realm() {
			_ = f.Send(d.of(r)) // lost: the response comes again
		}
	case relicOpen:
		if f := d.flows[r.flow]; it.msg.Status/100 == 2 && it.flow.Realm() == f.Realm() {
			sh.revive(d, r, it)
		}
	default: // it has been heard
	}
}

// revive makes a client transaction of a relic: its user gets the 2xx, and those that follow.
func (sh *Shard) revive(d *day, r *relic, it *item) {
	heir, ok := sh.core.user.(Unpacker)
	if !ok {
		return
	}
	f := d.flows[r.flow]
	cl := &Client{
		sh: sh, flow: f, state: clientAccepted, user: heir.Unpack(sh, f, d.of(r)),
		key: clientKey{strings.Clone(it.msg.Branch()), it.msg.CSeq.Method},
	}
	sh.forget(r)
	r.kind = relicGone
	sh.clients[cl.key] = cl
	cl.life = sh.clock.at(d.due, cl)
	cl.response(it.msg)
}
