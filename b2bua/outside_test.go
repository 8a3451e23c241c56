package b2bua

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// TestShares: one account or trunk has so much under way outside calls and no more; what is over leaves room again.
func TestShares(t *testing.T) {
	for _, row := range []struct {
		name   string
		from   string
		method wire.Method
		limit  int
		status int
	}{
		{"an account's messages", "A", wire.MESSAGE, accountErrands, 503},
		{"a trunk's messages", "U", wire.MESSAGE, trunkErrands, 503},
		{"an account's subscriptions", "A", wire.SUBSCRIBE, accountSubscriptions, 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				defer w.close()
				from := w.peers[row.from]
				w.record(func() { w.peers["T"].deaf = true })
				for range row.limit {
					send(from, row.method)
				}
				synctest.Wait()
				if got := from.took(); len(got) != 0 {
					t.Fatalf("answered %d within the share", got[0].Status)
				}
				send(from, row.method)
				synctest.Wait()
				if got := from.took(); len(got) != 1 || got[0].Status != row.status || row.status == 503 && !got[0].Has("Retry-After") {
					t.Fatalf("beyond the share: %v", got)
				}
				other := w.peers["C"]
				send(other, row.method)
				synctest.Wait()
				if got := other.took(); len(got) != 0 {
					t.Errorf("another account hears %d", got[0].Status)
				}
			})
		})
	}
}

func send(p *peer, method wire.Method) {
	m := p.ask(method, "100")
	m.ContentType, m.Body = "text/plain", []byte("x")
	if method == wire.SUBSCRIBE {
		m.ContentType, m.Body = "", nil
		m.Add("Event", "dialog")
	}
	p.send(m)
}

// TestRefusalsOutsideCallsAreReported: each with the rule that made it.
func TestRefusalsOutsideCallsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		m := w.peers["A"].ask(wire.MESSAGE, "19")
		m.ContentType, m.Body = "text/plain", []byte("x")
		w.peers["A"].send(m)
		synctest.Wait()
		want := telemetry.Rejected{Realm: "access", Source: "10.0.0.1", Method: "MESSAGE", Status: 403, Rule: "acl/no-19"}
		w.record(func() {
			if !slices.Contains(w.events, any(want)) {
				t.Errorf("no %+v in %+v", want, w.events)
			}
		})
	})
}

// TestDrainingServesNobodyNew: requests outside calls are refused as calls are.
func TestDrainingServesNobodyNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		if err := w.sw.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, method := range []wire.Method{wire.MESSAGE, wire.SUBSCRIBE, wire.OPTIONS} {
			p := w.peers["A"]
			send(p, method)
			synctest.Wait()
			if got := p.took(); len(got) != 1 || got[0].Status != 503 || !got[0].Has("Retry-After") {
				t.Errorf("%s: %v", method, got)
			}
		}
	})
}
