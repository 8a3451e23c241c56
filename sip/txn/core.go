package txn

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"drawbridge/telemetry"
)

// Core owns the shards. Its methods may be called from any goroutine.
type Core struct {
	cfg    Config
	user   User
	seal   seal
	keys   keyer
	shards []*Shard
	grace  graceTable // answers to malformed requests

	swollen graceTable // answers much larger than their requests
	shed    shedding   // requests turned away unread

	panics   atomic.Uint64
	overload atomic.Uint64
	strays   atomic.Uint64
}

// Stats are the gauges and counters of a Core.
type Stats struct {
	Servers, Clients int // transactions
	Timers           int
	Mailbox          int    // events queued or in hand, all shards
	Fullest          int    // the same, of the fullest shard
	Panics           uint64 // recovered
	Overload         uint64 // messages turned away because a mailbox was full
	Strays           uint64 // responses and ACKs that matched nothing
}

// New makes a Core that does nothing until Run. Error: ErrConfig.
func New(cfg Config) (*Core, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Core{cfg: cfg, user: cfg.User, seal: cfg.Key, keys: newKeyer()}
	for i := range cfg.Shards {
		c.shards = append(c.shards, newShard(c, i))
	}
	return c, nil
}

// SetUser sets the transaction user. It must be called before Run.
func (c *Core) SetUser(u User) { c.user = u }

// Run drives the shards until ctx ends and returns its cause when all of them have. Events queued then are lost.
func (c *Core) Run(ctx context.Context) error {
	if c.user == nil {
		return fmt.Errorf("%w: no user", ErrConfig)
	}
	var wg sync.WaitGroup
	for _, sh := range c.shards {
		wg.Go(func() { sh.loop(ctx) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

// Post queues fn for a shard's goroutine. Errors: ErrOverload, ErrStopped.
func (c *Core) Post(shard int, fn func(*Shard)) error {
	return c.shards[shard].box.put(item{fn: fn}, fresh)
}

// PostForced queues fn however full the mailbox is: for what must not be lost, such as the release of a call. After the end of Run
// it does nothing.
func (c *Core) PostForced(shard int, fn func(*Shard)) {
	_ = c.shards[shard].box.put(item{fn: fn}, owed) // ErrStopped: nothing is left to release
}

// Shards returns the number of shards.
func (c *Core) Shards() int { return len(c.shards) }

// ShardFor chooses a shard by a foreign identifier, under a secret seed.
func (c *Core) ShardFor(key string) int { return int(c.keys.spread(key) % uint64(len(c.shards))) }

// Stats returns the gauges and counters.
func (c *Core) Stats() Stats {
	s := Stats{Panics: c.panics.Load(), Overload: c.overload.Load(), Strays: c.strays.Load()}
	for _, sh := range c.shards {
		depth := int(sh.box.depth.Load())
		s.Servers += int(sh.gauge.servers.Load())
		s.Clients += int(sh.gauge.clients.Load())
		s.Timers += int(sh.gauge.timers.Load())
		s.Mailbox += depth
		s.Fullest = max(s.Fullest, depth)
	}
	return s
}

// caught ends a panic: counted and reported, its goroutine goes on. It is deferred directly.
func (c *Core) caught() {
	if r := recover(); r != nil {
		c.panicked(r)
	}
}

func (c *Core) panicked(r any) {
	c.panics.Add(1)
	c.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "panic", Detail: describe(r)})
}

// describe names a panic and where it came from. A value that is no runtime error may hold a message: only its type is told.
func describe(r any) string {
	const frames, skip = 8, 4 // skip: Callers, describe, panicked and the deferred function
	var b strings.Builder
	if err, ok := r.(runtime.Error); ok {
		b.WriteString(err.Error())
	} else {
		fmt.Fprintf(&b, "%T", r)
	}
	var pc [frames]uintptr
	stack := runtime.CallersFrames(pc[:runtime.Callers(skip, pc[:])])
	for {
		f, more := stack.Next()
		if f.Function != "" {
			fmt.Fprintf(&b, " < %s:%d", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

func (c *Core) refused(f Flow, kind, detail string) {
	c.cfg.Events.EmitRefused(telemetry.Refused{Kind: kind, Realm: f.Realm(), Source: f.Remote().String(), Detail: detail, Count: 1})
}
