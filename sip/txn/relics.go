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
	relicRefused                    // INVITE client (Completed): the ACK once more
	relicOpen                       // INVITE client (Accepted) whose user has been packed: a 2xx brings it back
	relicGone                       // it has been brought back
)

func (k relicKind) server() bool { return k <= relicConfirmed }

// relic is what stays of a transaction.
type relic struct {
	key   key    // keyer.server or keyer.client
	merge key    // of a server transaction, by keyer.request
	start uint32 // in day.bytes: answer, tag of an INVITE server, ACK, or packed user
	end   uint32
	flow  uint32 // clients: in day.flows
	fork  uint32 // servers: a hash of the branch
	kind  relicKind
}

// dayLength is how far apart the days end. Chosen here: a second more in half a minute is nobody's concern, and an idle process wakes for what
// calls have left behind once in it, for all shards. It is a multiple of the grid.
const dayLength = time.Second

// day is the relics that end together.
type day struct {
	sh     *Shard
	number uint32 // it ends at so many dayLengths
	tally
	placed int // in relics.places
	relics []relic
	bytes  []byte
	flows  []Flow // trunks are few; a flow that is not among the last is entered again
}

// tally counts relics.
type tally struct{ servers, clients int }

func (n *tally) add(k relicKind, by int) {
	if k.server() {
		n.servers += by
	} else {
		n.clients += by
	}
}

// relics are those of one shard.
type relics struct {
	places places
	days   map[uint32]*day
	spare  []*day // their arrays are used again
	tally         // of all days
}

const (
	spareDays   = 8
	recentFlows = 8
)

func newRelics() relics { return relics{days: make(map[uint32]*day)} }

// find returns the relic of a key with its day.
func (rs *relics) find(k key) (*day, *relic) {
	for p := range rs.places.under(k) {
		d := rs.days[p.day]
		if r := &d.relics[p.at]; r.key == k && r.kind != relicGone {
			return d, r
		}
	}
	return nil, nil
}

// forkOf returns a hash of the branch of a request that is over, by keyer.request.
func (rs *relics) forkOf(merge key) (fork uint32, known bool) {
	for p := range rs.places.under(merge) {
		if r := &rs.days[p.day].relics[p.at]; r.merge == merge {
			return r.fork, true
		}
	}
	return 0, false
}

// bury keeps r until due or the end of that day, with b; f is where a client's bytes go.
func (sh *Shard) bury(r relic, due time.Duration, b []byte, f Flow) {
	d, rs := sh.day(dayOf(due)), &sh.relics
	r.start = uint32(len(d.bytes))
	d.bytes = append(d.bytes, b...)
	r.end = uint32(len(d.bytes))
	if f != nil {
		r.flow = d.flow(f)
	}
	at := uint32(len(d.relics))
	d.relics = append(d.relics, r)
	rs.places.put(r.key, d.number, at)
	d.placed++
	if r.merge != (key{}) {
		rs.places.put(r.merge, d.number, at)
		d.placed++
	}
	d.add(r.kind, 1)
	rs.add(r.kind, 1)
}

// dayOf is the number of the first day that ends no earlier than due.
func dayOf(due time.Duration) uint32 { return uint32((due + dayLength - 1) / dayLength) }

// due is when the day ends.
func (d *day) due() time.Duration { return time.Duration(d.number) * dayLength }

// day is the one of a number.
func (sh *Shard) day(number uint32) *day {
	rs := &sh.relics
	if d := rs.days[number]; d != nil {
		return d
	}
	d := rs.empty(number)
	d.sh, d.number = sh, number
	rs.days[number] = d
	sh.clock.at(d.due(), d)
	return d
}

// empty is a day that was used before, or a new one that is as large as the day before it has become.
func (rs *relics) empty(number uint32) *day {
	if last := len(rs.spare) - 1; last >= 0 {
		var d *day
		d, rs.spare = rs.spare[last], rs.spare[:last]
		return d
	}
	like := rs.days[number-1]
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
	delete(rs.days, d.number)
	rs.servers -= d.servers
	rs.clients -= d.clients
	rs.places.end(d.number, d.placed)
	rs.recycle(d)
}

// recycle keeps the arrays of a day for another, unless the day was an exception; only one when there are no other days.
func (rs *relics) recycle(d *day) {
	if len(rs.days) == 0 {
		rs.spare = nil
	}
	if len(rs.spare) < spareDays && cap(d.bytes) <= 4*len(d.bytes) {
		clear(d.flows)
		d.tally, d.placed = tally{}, 0
		d.relics, d.bytes, d.flows = d.relics[:0], d.bytes[:0], d.flows[:0]
		rs.spare = append(rs.spare, d)
	}
}

// copied takes a request that belongs to a relic.
func (sh *Shard) copied(d *day, r *relic, it *item) {
	switch {
	case r.kind == relicAnswered:
		_ = it.reply.Send(d.of(r)) // lost like any datagram: the next copy brings us here again. The key says that it came the same way
	case it.msg.Method == wire.CANCEL:
		sh.core.answer(it.reply, it.msg, it.size, 200, "", string(d.of(r)))
	case it.msg.Method == wire.ACK && r.kind == relicAccepted:
		sh.toDialog(it)
	case it.invite(): // a copy, which was let in as a new one would be
		sh.box.forget(it.key)
	default: // a copy of the ACK to a failure
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

// raise takes a relic out of its day.
func (rs *relics) raise(d *day, r *relic) {
	d.add(r.kind, -1)
	rs.add(r.kind, -1)
	r.kind = relicGone
	for p := range rs.places.under(r.key) {
		if rs.days[p.day] == d && &d.relics[p.at] == r {
			rs.places.drop(p)
			return
		}
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
	sh.relics.raise(d, r)
	sh.clients[cl.key] = cl
	cl.life = sh.clock.at(d.due(), cl)
	cl.response(it.msg)
}
