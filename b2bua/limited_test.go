package b2bua

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/policy"
	"drawbridge/policy/limit"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// refusals counts the call records by rule; "" are those that no rule has refused.
func (w *world) refusals() map[string]int {
	by := map[string]int{}
	w.record(func() {
		for _, e := range w.events {
			if e, ok := e.(telemetry.CallEnded); ok {
				by[e.Rule]++
			}
		}
	})
	return by
}

// A thousand INVITEs at once, on both shards: no trunk ever has more than its limit, whoever is left over is refused, and every way to
// end gives the places back (close).
func TestNeverMoreThanTheLimit(t *testing.T) {
	const attempts, acme, backup = 1000, 30, 20
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			limitAs(c, "acme", []string{fmt.Sprint(acme)})
			limitAs(c, "backup", []string{fmt.Sprint(backup)})
			limitAs(c, "gateway", []string{"100"})
		})
		a := w.peers["A"]
		for range attempts {
			a.send(a.call("200"))
		}
		synctest.Wait()
		for of, want := range map[string]int{"acme": acme, "backup": backup} {
			if n := w.sw.InUse(limit.Key{Scope: limit.Trunk, Name: of}).Calls; n != want {
				t.Errorf("%d calls on %s, want its limit of %d", n, of, want)
			}
		}
		if n := w.sw.InUse(gateway).Calls; n != acme+backup {
			t.Errorf("%d calls in the gateway, want %d", n, acme+backup)
		}
		refused := w.refusals()
		if n := refused["limits/trunk/calls"] + refused["limits/calls"]; n != attempts-acme-backup {
			t.Errorf("%d refused, want %d: %v", n, attempts-acme-backup, refused)
		}
		w.close()
	})
}

// The acceptance of QOS-03: 10/s with a burst of 20, offered 15 a second for a minute, whatever has the rate.
func TestCallsPerSecond(t *testing.T) {
	for _, name := range []string{"gateway", "alice", "access"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) {
					limitAs(c, name, nil)
					rate := limit.PerSecond(10, 20)
					c.Limits.Gateway.Rate, c.Limits.Realms = limit.Rate{}, nil
					switch name {
					case "gateway":
						c.Limits.Gateway.Rate = rate
					case "access":
						c.Limits.Realms = map[string]limit.Bounds{name: {Rate: rate}}
					default:
						c.Limits.Account = func(string) limit.Bounds { return limit.Bounds{Rate: rate} }
					}
				})
				a := w.peers["A"]
				for range 900 {
					a.send(a.call("3")) // there is no route: who is admitted hears 404
					time.Sleep(time.Second / 15)
				}
				synctest.Wait()
				if n := w.refusals()["route/none"]; n < 608 || n > 632 {
					t.Errorf("%d of 900 admitted, want 620 within 2 %%: %v", n, w.refusals())
				}
				heard := map[string]int{}
				for _, m := range a.took() {
					if m.Status == 503 {
						heard[m.Get("Retry-After")]++
					}
				}
				if len(heard) < 2 {
					t.Errorf("Retry-After is always the same: %v", heard)
				}
				w.close()
			})
		})
	}
}

// Requests before any login are bounded by source, connection and method; trunks are not, and an emergency call is let through.
func TestRequestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			limitAs(c, "emergency", []string{"112"})
			c.Limits.Requests = map[string]RequestRates{
				"access":  {Connection: limit.PerSecond(1, 5), Methods: map[wire.Method]limit.Rate{wire.MESSAGE: limit.PerSecond(1, 2)}},
				"carrier": {Source: limit.PerSecond(1, 3)},
			}
		})
		ask := func(name string, method wire.Method, to string, times int) (heard map[int]int) {
			p := w.peers[name]
			heard = map[int]int{}
			for range times {
				m := p.call(to)
				m.Method, m.CSeq.Method = method, method
				p.send(m)
				synctest.Wait()
			}
			for _, m := range p.took() {
				if m.Status >= 200 {
					heard[m.Status]++
				}
			}
			return heard
		}
		for _, row := range []struct {
			what, name string
			method     wire.Method
			to         string
			times      int
			want       int // 503
		}{
			{"a connection", "A", wire.INVITE, "3", 8, 3},
			{"an emergency on it", "A", wire.INVITE, "112", 2, 0},
			{"a third one within the second", "A", wire.INVITE, "112", 1, 1},
			{"another connection", "C", wire.INVITE, "3", 5, 0},
			{"a method", "D", wire.MESSAGE, "3", 4, 2},
			{"a stranger", "X", wire.OPTIONS, "3", 5, 2},
			{"a trunk", "T", wire.OPTIONS, "3", 50, 0},
		} {
			if heard := ask(row.name, row.method, row.to, row.times); heard[503] != row.want {
				t.Errorf("%s: %v, want %d times 503", row.what, heard, row.want)
			}
		}
		time.Sleep(5 * time.Second)
		if heard := ask("A", wire.INVITE, "3", 5); heard[503] != 0 {
			t.Errorf("after a rest: %v", heard)
		}
		w.close()
	})
}

func TestSourceOfAnAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := sourceOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// While the media plane is late new calls are turned away, but for emergencies.
func TestLateMediaTakesNoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := time.Second
		w := newWorld(t, func(c *Config) {
			limitAs(c, "emergency", []string{"112"})
			c.Late = func() time.Duration { return late }
			c.Decide = func(r policy.Request) policy.Decision {
				return policy.Decide(policy.Limits{Late: 50 * time.Millisecond}, r)
			}
		})
		p := &player{world: w}
		play := func(lines ...string) {
			for _, line := range lines {
				p.text = line
				p.step(strings.Fields(line))
				synctest.Wait()
			}
		}
		play("A -> INVITE 100", "A <- 503 ~Retry-After ~Q.850;cause=42", "expect ended sip=503 rule=host/late by=gateway")
		play("A -> INVITE 112", "T <- INVITE", "T -> 486", "T <- ACK", "A <- 486")
		late = 0
		play("A -> INVITE 100", "T <- INVITE", "T -> 486", "T <- ACK", "A <- 486")
		w.close()
	})
}
