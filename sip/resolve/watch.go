package resolve

import (
	"context"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// Watch is a URI that is kept fresh, so that no call waits for DNS, and whose addresses somebody wants to know.
type Watch struct {
	Realm string
	URI   wire.URI
	// Found takes the hops, at the start and every half minute. It is called from one goroutine; nil asks for freshness alone.
	Found func([]txn.Hop)
}

// watch goes round the watched names until ctx ends.
func (r *Resolver) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		for _, w := range r.set.Load().watch {
			hops := r.lookup(ctx, newQuery(w.Realm, w.URI), watchAhead)
			if w.Found != nil && len(hops) > 0 {
				w.Found(hops)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.changed:
		}
	}
}
