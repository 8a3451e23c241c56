package b2bua

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Register is how the gateway is registered at a trunk (RFC 3261 section 10).
type Register struct {
	AOR     wire.URI      // what is registered; without a host: nothing
	Contact string        // user part of the contact; "" means that of AOR
	Expires time.Duration // that is asked for; 0 means an hour
	NoRoute bool          // Service-Route (RFC 3608) is not heard
	Bulk    bool          // for all numbers that the registrar has with AOR (RFC 6140)
}

// Chosen here, but for the bounds of RFC 5626 section 4.5.
const (
	enrolFor      = time.Hour
	enrolPatience = 8 * time.Second // for an answer, before the next target is asked
	enrolAgain    = 30 * time.Second
	enrolRarely   = 30 * time.Minute
	enrolRefused  = 5 * time.Minute // after a refusal of us: more of the same would lock the account
	leastGrant    = 10 * time.Second
	mostGrant     = 24 * time.Hour
	mostRoutes    = 8 // of a Service-Route
)

// enrolment keeps the gateway registered at one trunk. It lives on one shard.
//
//	begin -> ask target after target, hop after hop -> granted: begin again after half the time
//	   ^                                               refused or silent everywhere: begin again later each time
//	   +--- the connection that it was granted on has gone
type enrolment struct {
	s    *Switch
	sh   *txn.Shard
	t    *trunkSlots
	keys *digest.Client

	callID, tag string
	seq         uint32
	expires     time.Duration // that is asked for

	turn     int // tells what is late
	targets  []wire.URI
	hops     []txn.Hop // of the target at hand, not asked yet
	at       way
	good     way // that said yes last
	attempt  digest.Attempt
	raised   bool // a 423 has been obeyed
	status   int  // the last refusal; 0: silence
	wait     time.Duration
	failures int
	on       bool // registered, as far as the operator was told
	timer    txn.Timer
}

// way is where a REGISTER goes.
type way struct {
	target wire.URI
	hop    txn.Hop
	flow   txn.Flow
}

// Enrol begins to register at the trunks that want it, and keeps at it until the gateway drains. Where it has begun before it goes on, as
// the trunk is configured now; where nobody wants it any more it takes the registration back. It returns at once.
func (s *Switch) Enrol() {
	s.cfg.Core.PostForced(0, func(sh *txn.Shard) {
		v, had := s.view(), map[string]*enrolment{}
		for _, e := range s.enrolments {
			had[e.t.trunk.Name] = e
		}
		s.enrolments = s.enrolments[:0]
		for _, t := range v.order {
			e := had[t.trunk.Name]
			if t.trunk.Register.AOR.Host == "" || e != nil && !e.follows(t) {
				continue // and what it had is taken back
			}
			delete(had, t.trunk.Name)
			s.enrolments = append(s.enrolments, s.enrolAt(sh, t, e))
		}
		for _, e := range had {
			e.leave()
			e.t.serviceRoute.Store(nil)
			if t := v.trunks[e.t.trunk.Name]; t != nil && t.trunk.Register.AOR.Host != "" {
				s.enrolments = append(s.enrolments, s.enrolAt(sh, t, nil))
			}
		}
	})
}

// follows reports whether a registration is still the same one to its registrar: the same address and contact, out of the same realm.
func (e *enrolment) follows(t *trunkSlots) bool {
	was, is := e.t.trunk.Register, t.trunk.Register
	return e.t.trunkState == t.trunkState && sameURI(was.AOR, is.AOR) && was.Contact == is.Contact && was.Bulk == is.Bulk
}

// enrolAt begins to register at a trunk, or goes on as it is configured now: at once when that makes a difference.
func (s *Switch) enrolAt(sh *txn.Shard, t *trunkSlots, e *enrolment) *enrolment {
	expires := cmp.Or(t.trunk.Register.Expires, enrolFor)
	if e == nil {
		e = &enrolment{s: s, sh: sh, t: t, keys: digest.NewClient(t.trunk.Auth, sh.Token), callID: sh.Token(), tag: sh.Token(), expires: expires}
		e.begin()
		return e
	}
	was := e.t.trunk
	e.t = t
	same := was.Auth == t.trunk.Auth && was.Register.Expires == t.trunk.Register.Expires && was.Register.NoRoute == t.trunk.Register.NoRoute &&
		was.TLSName == t.trunk.TLSName && slices.EqualFunc(was.Targets, t.trunk.Targets, sameURI)
	if !same {
		e.keys, e.expires, e.failures = digest.NewClient(t.trunk.Auth, sh.Token), expires, 0
		e.begin()
	}
	return e
}

func sameURI(a, b wire.URI) bool { return a.String() == b.String() }

// Enrolled reports whether we are registered at each trunk where we want to be.
func (s *Switch) Enrolled() map[string]bool {
	out := map[string]bool{}
	now := s.cfg.now()
	for name, t := range s.view().trunks {
		if t.trunk.Register.AOR.Host != "" {
			out[name] = now.UnixNano() < t.enrolled.Load()
		}
	}
	return out
}

// begin asks anew, first where it was granted last (the registration is there).
func (e *enrolment) begin() {
	if e.s.draining.Load() {
		return
	}
	e.timer.Stop()
	e.turn++
	e.targets = slices.Clone(e.t.trunk.Targets)
	slices.SortStableFunc(e.targets, func(a, b wire.URI) int {
		last := e.good.target.String()
		return before(a.String() == last) - before(b.String() == last)
	})
	e.attempt, e.raised, e.status, e.wait, e.hops = digest.Attempt{}, false, 0, 0, nil
	e.next()
}

func before(first bool) int {
	if first {
		return -1
	}
	return 0
}

// next asks the next hop, and finds the hops of the next target when there is none left.
func (e *enrolment) next() {
	e.timer.Stop()
	for len(e.hops) > 0 {
		hop := e.t.party.named(e.hops[0])
		e.hops = e.hops[1:]
		f, err := e.s.cfg.Flow(e.t.trunk.Realm, hop)
		if err != nil {
			continue
		}
		e.at.hop, e.at.flow = hop, f
		if e.ask(e.expires) {
			return
		}
	}
	if len(e.targets) == 0 {
		e.failed()
		return
	}
	e.at.target, e.targets = e.targets[0], e.targets[1:]
	turn, core := e.turn, e.s.cfg.Core
	found := func(hops []txn.Hop) {
		if turn != e.turn {
			return
		}
		e.hops = slices.Clone(hops)
		slices.SortStableFunc(e.hops, func(a, b txn.Hop) int { return before(a == e.good.hop) - before(b == e.good.hop) })
		e.next()
	}
	if hops, known := e.s.cfg.Hops(e.t.trunk.Realm, e.at.target, func(hops []txn.Hop) {
		core.PostForced(e.sh.Index(), func(*txn.Shard) { found(hops) })
	}); known {
		found(hops)
	}
}

// ask sends a REGISTER the way at hand.
func (e *enrolment) ask(expires time.Duration) bool {
	r := e.t.trunk.Register
	e.seq++
	e.turn++
	m := wire.NewRequest(wire.REGISTER, wire.URI{Scheme: "sip", Host: r.AOR.Host, Port: r.AOR.Port})
	m.From, m.To, m.CallID = wire.Addr{URI: r.AOR}, wire.Addr{URI: r.AOR}, e.callID
	m.From.Params.Set("tag", e.tag)
	m.CSeq = wire.CSeq{Seq: e.seq, Method: wire.REGISTER}
	m.Contact = []wire.Addr{e.contact()}
	m.Expires = int(expires.Seconds())
	m.Set("Allow", allow)
	if r.Bulk {
		requireBulk(m)
	}
	e.keys.Sign(m)
	turn := e.turn
	if _, err := e.s.request(e.sh, e.t.party, e.at.flow, m, &registering{e, turn}); err != nil {
		return false
	}
	e.timer = e.sh.After(enrolPatience, func() {
		if turn == e.turn {
			e.next()
		}
	})
	return true
}

// requireBulk makes a registration for all numbers of the registrar's (RFC 6140 section 5.1): who does not know of it, a proxy on the way
// as well, has to answer 420 instead of registering a contact without a user.
func requireBulk(m *wire.Message) {
	m.Add("Require", "gin")
	m.Add("Proxy-Require", "gin")
	m.Add("Supported", "path")
}

// contact is where the trunk's calls for us go.
func (e *enrolment) contact() wire.Addr {
	if e.t.trunk.Register.Bulk { // the registrar puts each number where the user would be (RFC 6140 section 5.1)
		at := contactAt(e.at.flow, "")
		at.URI.Params.Set("bnc", "")
		return at
	}
	user := e.t.trunk.Register.Contact
	if user == "" {
		user = e.t.trunk.Register.AOR.User
	}
	return contactAt(e.at.flow, user)
}

// registering is one REGISTER under way.
type registering struct {
	e    *enrolment
	turn int
}

// Response takes what the registrar says.
func (r *registering) Response(_ *txn.Shard, _ *txn.Client, m *wire.Message) {
	e := r.e
	if r.turn != e.turn || m.Status < 200 {
		return
	}
	switch {
	case m.Status < 300:
		e.granted(m)
	case (m.Status == 401 || m.Status == 407) && e.keys.Take(m, &e.attempt):
		e.again()
	case m.Status == 423 && !e.raised && e.longer(m):
		e.raised = true
		e.again()
	default:
		e.status = m.Status
		e.wait = max(e.wait, time.Duration(retryOf(m))*time.Second)
		e.next()
	}
}

// Failed takes silence.
func (r *registering) Failed(*txn.Shard, *txn.Client, error) {
	if r.turn == r.e.turn {
		r.e.next()
	}
}

// again repeats the REGISTER the same way, with credentials or for a longer time.
func (e *enrolment) again() {
	e.timer.Stop()
	if !e.ask(e.expires) {
		e.next()
	}
}

// longer obeys a 423: the registrar wants to see us less often (RFC 3261 section 10.2.8).
func (e *enrolment) longer(m *wire.Message) bool {
	n, err := strconv.Atoi(m.Get("Min-Expires"))
	d := time.Duration(n) * time.Second
	if err != nil || d <= e.expires || n > int(mostGrant.Seconds()) {
		return false
	}
	e.expires = d
	return true
}

// granted takes a 2xx: half the time later it is asked for again.
func (e *enrolment) granted(m *wire.Message) {
	e.timer.Stop()
	d := min(e.grantOf(m), mostGrant)
	if d < leastGrant {
		e.status = m.Status
		e.next()
		return
	}
	e.turn++
	e.good, e.failures = e.at, 0
	e.t.enrolled.Store(e.s.cfg.now().Add(d).UnixNano())
	e.t.serviceRoute.Store(e.routeOf(m))
	e.tell(true, fmt.Sprintf("trunk %s, for %s", e.t.trunk.Name, d))
	e.timer = e.sh.After(d/2, e.begin)
}

// grantOf is how long a 2xx grants our contact: what stands behind it, else Expires, else what was asked for.
func (e *enrolment) grantOf(m *wire.Message) time.Duration {
	seconds := int(e.expires.Seconds())
	if m.Expires >= 0 {
		seconds = m.Expires
	}
	ours := e.contact().URI
	for _, c := range m.Contact {
		if c.URI.User == ours.User && c.URI.Host == ours.Host && c.URI.Port == ours.Port {
			if n, err := strconv.ParseUint(c.Params.Get("expires"), 10, 31); err == nil {
				seconds = int(n)
			}
		}
	}
	return time.Duration(seconds) * time.Second
}

// routeOf is the way that the registrar wants our requests to take (RFC 3608), nil: none.
func (e *enrolment) routeOf(m *wire.Message) *[]wire.Addr {
	values := m.Values("Service-Route")
	if e.t.trunk.Register.NoRoute || len(values) == 0 || len(values) > mostRoutes {
		return nil
	}
	var route []wire.Addr
	for _, v := range values {
		a, err := wire.ParseAddr(v)
		if err != nil || a.URI.Scheme != "sip" && a.URI.Scheme != "sips" {
			return nil
		}
		route = append(route, a)
	}
	return &route
}

// routeSet is the Route of requests to the trunk that begin a dialog or stand alone.
func (t *trunkSlots) routeSet() []wire.Addr {
	if r := t.serviceRoute.Load(); r != nil {
		return slices.Clip(*r)
	}
	return nil
}

// failed ends a turn in which nobody said yes. The next one comes later each time, at a time of its own (RFC 5626 section 4.5).
func (e *enrolment) failed() {
	e.turn++
	e.failures++
	d := enrolRarely
	if e.failures < 7 {
		d = min(d, enrolAgain<<(e.failures-1))
	}
	d = d/2 + rand.N(d/2)
	switch e.status {
	case 401, 403, 404, 407, 420:
		d = max(d, enrolRefused)
	}
	d = max(d, min(e.wait, enrolRarely))
	said := "nobody answers"
	if e.status != 0 {
		said = fmt.Sprintf("%d %s", e.status, wire.ReasonPhrase(e.status))
	}
	if e.failures == 1 || e.s.cfg.now().UnixNano() >= e.t.enrolled.Load() {
		e.tell(false, fmt.Sprintf("trunk %s: %s", e.t.trunk.Name, said))
	}
	e.timer = e.sh.After(d, e.begin)
}

// tell tells the operator what has changed.
func (e *enrolment) tell(on bool, detail string) {
	switch {
	case on && !e.on:
		e.s.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "registered", Detail: detail})
	case !on && (e.on || e.failures == 1):
		e.s.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "registration failed", Detail: detail})
	}
	e.on = on
}

// flowLost asks anew when the connection of the registration has gone: calls for us would go there.
func (e *enrolment) flowLost(key txn.FlowKey) {
	if e.on && e.good.flow != nil && e.good.flow.Key() == key {
		e.turn++
		e.timer.Stop()
		e.timer = e.sh.After(time.Second+rand.N(4*time.Second), e.begin)
	}
}

// leave takes the registration back: nothing more is to come here. Nobody waits for the answer.
func (e *enrolment) leave() {
	e.turn++
	e.timer.Stop()
	if e.s.cfg.now().UnixNano() < e.t.enrolled.Swap(0) {
		e.at = e.good
		e.ask(0)
		e.turn++
		e.timer.Stop()
	}
}
