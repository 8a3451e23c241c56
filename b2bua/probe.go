package b2bua

import (
	"errors"
	"slices"
	"time"

	"drawbridge/policy/health"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// probePatience is how long an OPTIONS is waited for. Chosen here: three of them every ten seconds are missed in less than 35 s; short
// intervals wait for half of theirs.
const probePatience = 4 * time.Second

// Probe begins to ask the targets of trunks by OPTIONS whether they live, those of different trunks at different times, and leaves off
// where nobody wants it any more. It returns at once; the asking ends when the gateway drains. The core must run, or be about to.
func (s *Switch) Probe() {
	v, n := s.view(), 0
	for _, t := range v.order {
		every := t.trunk.Failover.Probe.Every
		after := time.Duration(n%100) * every / 100
		if every > 0 {
			n++
		}
		s.cfg.Core.PostForced(t.shard, func(sh *txn.Shard) { s.probeAfter(sh, t.trunk.Name, t.trunkState, after) })
	}
}

// probeAfter begins the rounds of a trunk, unless they go on as they should.
func (s *Switch) probeAfter(sh *txn.Shard, name string, st *trunkState, after time.Duration) {
	every := s.probesEvery(name, st)
	if every == st.every {
		return
	}
	st.every = every
	st.round.Stop()
	if every > 0 {
		st.round = sh.After(after, func() { s.probeRound(sh, name, st) })
	}
}

// probesEvery is how often the trunk is to be asked as it is configured now; 0: not at all, or there is no such trunk any more.
func (s *Switch) probesEvery(name string, st *trunkState) time.Duration {
	if t := s.view().trunks[name]; t != nil && t.trunkState == st {
		return t.trunk.Failover.Probe.Every
	}
	return 0
}

// probeRound asks each target of a trunk once, and sees to the next round.
func (s *Switch) probeRound(sh *txn.Shard, name string, st *trunkState) {
	if st.every = s.probesEvery(name, st); st.every == 0 || s.draining.Load() {
		return
	}
	t := s.view().trunks[name]
	for _, u := range t.trunk.Targets {
		ask := func(hops []txn.Hop) { s.probeHops(sh, t, u, hops) }
		core, shard := s.cfg.Core, sh.Index()
		hops, known := s.cfg.Hops(t.trunk.Realm, u, func(hops []txn.Hop) {
			core.PostForced(shard, func(*txn.Shard) { ask(hops) })
		})
		if known {
			ask(hops)
		}
	}
	st.round = sh.After(st.every, func() { s.probeRound(sh, name, st) })
}

func (s *Switch) probeHops(sh *txn.Shard, t *trunkSlots, u wire.URI, hops []txn.Hop) {
	for _, hop := range hops[:min(len(hops), maxWatched)] {
		hop = t.party.named(hop)
		p := &probe{s: s, t: t, hop: hop}
		f, err := s.cfg.Flow(t.trunk.Realm, hop)
		if err == nil {
			_, err = s.request(sh, t.party, f, optionsTo(t.party, u, f, sh.Token), p)
		}
		if errors.Is(err, ErrRules) {
			continue // that says nothing of the target
		}
		if err != nil {
			p.over(health.Bad)
			continue
		}
		p.patience = sh.After(min(probePatience, t.trunk.Failover.Probe.Every/2), func() { p.over(health.Bad) })
	}
}

// optionsTo asks a target, and nobody behind it.
func optionsTo(p *Party, u wire.URI, f txn.Flow, mint func() string) *wire.Message {
	u.User = ""
	m := wire.NewRequest(wire.OPTIONS, u)
	us := wire.URI{Scheme: u.Scheme, Host: p.Realm.Domain}
	if us.Host == "" {
		us.Host = txn.SentByHost(f)
	}
	m.From, m.To, m.CallID = wire.Addr{URI: us}, wire.Addr{URI: wire.URI{Scheme: u.Scheme, Host: u.Host}}, mint()
	tag := mint()
	m.From.Params.Set("tag", tag)
	m.CSeq = wire.CSeq{Seq: 1, Method: wire.OPTIONS}
	m.Contact = []wire.Addr{p.contactOf(f, "")}
	m.Set("Accept", sdpType)
	return m
}

// probe is one OPTIONS. It is judged once: by its answer, or when it has been waited for long enough.
type probe struct {
	s        *Switch
	t        *trunkSlots
	hop      txn.Hop
	patience txn.Timer
	judged   bool
}

// Response judges the final answer. Whatever it is, somebody is there, unless the trunk's list says otherwise.
func (p *probe) Response(_ *txn.Shard, _ *txn.Client, m *wire.Message) {
	switch {
	case m.Status < 200:
	case m.Status == 503:
		p.over(health.Busy)
	case m.Status == 408, slices.Contains(p.t.trunk.Failover.Probe.Dead, m.Status):
		p.over(health.Bad)
	default:
		p.over(health.Good)
	}
}

// Failed judges silence, or a way that is none.
func (p *probe) Failed(*txn.Shard, *txn.Client, error) { p.over(health.Bad) }

func (p *probe) over(f health.Fate) {
	if p.judged {
		return
	}
	p.judged = true
	p.patience.Stop()
	p.s.probed(p.t, p.hop, f)
}
