package resolve

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Resolver finds hops. Its methods may be called from any goroutine.
type Resolver struct {
	events   telemetry.Listener
	set      atomic.Pointer[settings]
	changed  chan struct{} // holds one: there are other names to watch
	exchange func(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error)
	cache    *cache
	queue    chan query

	sent, failed atomic.Uint64

	questions sync.WaitGroup // on the wire: some outlive their look-up

	mu    sync.Mutex
	asked map[query][]func([]txn.Hop) // look-ups under way, and who waits for them
}

// Stats are the counters of a Resolver.
type Stats struct {
	Questions uint64 // asked of servers
	Failures  uint64 // of these, nobody answered
}

// Stats returns the counters.
func (r *Resolver) Stats() Stats { return Stats{Questions: r.sent.Load(), Failures: r.failed.Load()} }

// New returns a Resolver that looks nothing up before Run. Without a resolver to ask it still serves numbers. Error: ErrConfig.
func New(cfg Config) (*Resolver, error) {
	r := &Resolver{
		events: cfg.Events, changed: make(chan struct{}, 1), exchange: cfg.exchange, cache: newCache(), queue: make(chan query, queued), asked: make(map[query][]func([]txn.Hop)),
	}
	if r.exchange == nil {
		r.exchange = exchange
	}
	s, err := newSettings(cfg)
	if err != nil {
		return nil, err
	}
	r.set.Store(s)
	return r, nil
}

// settings are what may change while a Resolver runs.
type settings struct {
	realms  map[string]Realm
	watch   []Watch
	servers []string
}

func newSettings(cfg Config) (*settings, error) {
	servers, err := cfg.servers()
	if err != nil && len(cfg.Watch) > 0 {
		return nil, err
	}
	return &settings{cfg.Realms, cfg.Watch, servers}, nil
}

// Set makes it ask other servers, for other realms, and keep other names fresh; what is cached stays. Of cfg nothing else counts. Error:
// ErrConfig, and then nothing has changed.
func (r *Resolver) Set(cfg Config) error {
	s, err := newSettings(cfg)
	if err != nil {
		return err
	}
	r.set.Store(s)
	select {
	case r.changed <- struct{}{}:
	default: // whoever is told of the last change finds this one
	}
	return nil
}

// Run looks up what Hops asks for, until ctx ends, and returns its cause. Who waits then is not told.
func (r *Resolver) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Go(func() { r.watch(ctx) })
	wg.Wait()
	r.questions.Wait()
	return context.Cause(ctx)
}

// Hops returns where a URI leads out of a realm, best first. known is false when DNS has to be asked: later then gets the hops, once, on
// another goroutine. With later nil nothing is asked. No hops at all: the URI leads nowhere, or nobody has told.
func (r *Resolver) Hops(realm string, u wire.URI, later func([]txn.Hop)) (hops []txn.Hop, known bool) {
	q := newQuery(realm, u)
	p := r.plan(q, time.Now(), nil)
	if len(p.missing) == 0 {
		return p.hops, true
	}
	if later == nil {
		return nil, false
	}
	return nil, !r.wait(q, later)
}

// wait enters somebody who waits for a look-up, and starts it when it is the first. false: too many wait.
func (r *Resolver) wait(q query, later func([]txn.Hop)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, running := r.asked[q]
	if len(all) >= waiting {
		return false
	}
	if !running {
		select {
		case r.queue <- q:
		default:
			return false
		}
	}
	r.asked[q] = append(all, later)
	return true
}

func (r *Resolver) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-r.queue:
			hops := r.lookup(ctx, q, 0)
			if ctx.Err() != nil {
				return
			}
			for _, later := range r.settle(q) {
				later(slices.Clone(hops))
			}
		}
	}
}

// settle ends a look-up and returns who has waited for it.
func (r *Resolver) settle(q query) []func([]txn.Hop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.asked[q]
	delete(r.asked, q)
	return all
}

// lookup asks round by round for what the plan lacks: NAPTR, SRV, addresses. What ends within ahead is asked for again.
func (r *Resolver) lookup(ctx context.Context, q query, ahead time.Duration) []txn.Hop {
	end := time.Now().Add(lookupLimit)
	asked := map[question]bool{}
	for {
		p := r.plan(q, time.Now().Add(ahead), asked)
		if len(p.missing) == 0 {
			r.report(q, p)
			return p.hops
		}
		for _, m := range p.missing {
			asked[m] = true
		}
		r.fetch(ctx, p.missing, end)
	}
}

// plan runs RFC 3263 over the cache. What has been asked in this look-up is as fresh as it gets.
func (r *Resolver) plan(q query, at time.Time, asked map[question]bool) *plan {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	p := &plan{query: q, realm: r.set.Load().realms[q.realm]}
	p.known = func(ask question) (records, bool) {
		rec, fresh := r.cache.find(ask, at)
		return rec, fresh || asked[ask]
	}
	p.run()
	return p
}

// report tells of answers that were refused: a name that leads inside is worth an eye.
func (r *Resolver) report(q query, p *plan) {
	if p.foreign > 0 {
		r.events.EmitRefused(telemetry.Refused{Kind: "dns-inside", Realm: q.realm, Detail: q.host, Count: p.foreign})
	}
}

// fetch asks questions side by side. It does not wait long for an AAAA when an A is there to go on with.
func (r *Resolver) fetch(ctx context.Context, all []question, end time.Time) {
	var must, may []question
	for _, q := range all {
		if q.kind == dns.TypeAAAA && slices.Contains(all, question{q.name, dns.TypeA}) {
			may = append(may, q)
		} else {
			must = append(must, q)
		}
	}
	needed, wanted := r.start(ctx, must, end), r.start(ctx, may, end)
	<-needed
	patience := time.NewTimer(slowAAAA)
	defer patience.Stop()
	select {
	case <-wanted:
	case <-patience.C:
		for _, q := range may {
			r.cache.fail(q, time.Now()) // till its answer comes
		}
	}
}

// start asks; what it returns is closed when every question is settled.
func (r *Resolver) start(ctx context.Context, all []question, end time.Time) <-chan struct{} {
	ctx, cancel := context.WithDeadline(ctx, end)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, q := range all {
		wg.Go(func() { r.settled(ctx, q) })
	}
	r.questions.Go(func() {
		wg.Wait()
		cancel()
		close(done)
	})
	return done
}

// settled brings what comes of a question into the cache.
func (r *Resolver) settled(ctx context.Context, q question) {
	r.sent.Add(1)
	rec, ttl, err := r.ask(ctx, q)
	if err != nil {
		r.failed.Add(1)
		r.cache.fail(q, time.Now())
		return
	}
	r.cache.store(q, rec, min(ttl, maxTTL), time.Now())
}
