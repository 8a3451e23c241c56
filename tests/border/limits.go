package main

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"drawbridge/tests/gateway"
)

// What is offered, and what may come through.
const (
	crowd      = 1000 // calls at once
	trunkLimit = 100
	offered    = 15 // calls a second
	rate       = 10
	burst      = 20
	minute     = 60 * time.Second
)

// limits tries what QOS-03 and QOS-04 promise: never more calls than the limit, every place given back, and the rate that is written.
func limits(ctx context.Context, r *report, binary, dir string) (err error) {
	near, err := newAgent()
	if err != nil {
		return err
	}
	defer near.close()
	far, err := newAgent()
	if err != nil {
		return err
	}
	defer far.close()
	hasty, err := newAgent()
	if err != nil {
		return err
	}
	defer hasty.close()
	gw, err := gateway.Launch(binary, dir, gateway.Config{
		Trunks: []gateway.Trunk{
			{Name: "near", Target: near.addr},
			{Name: "far", Target: far.addr, More: "limits: {calls: " + strconv.Itoa(trunkLimit) + "}"},
			{Name: "hasty", Target: hasty.addr, More: "limits: {cps: " + strconv.Itoa(rate) + ", burst: " + strconv.Itoa(burst) + "}"},
		},
		Routes: []gateway.Route{{From: "carrier", To: "+4970*", Via: "far"}, {From: "carrier", To: "112", Via: "near"}},
		Ports:  2*trunkLimit + 50, // who finds no room takes none
		Limits: `emergency: {numbers: ["112"], reserve: 0}`,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gw.Stop()) }()
	near.serve(gw.SIP)
	far.serve(gw.SIP)
	hasty.serve(gw.SIP)
	if err := crowded(r, gw, near, far); err != nil {
		return err
	}
	return hurried(ctx, r, near, hasty)
}

// crowded places a thousand calls at once on a trunk that takes a hundred, and ends them in every way that a minute allows.
func crowded(r *report, gw *gateway.Gateway, near, far *agent) error {
	for i := range crowd {
		near.call("+4970" + strconv.Itoa(i))
	}
	settled := gateway.Within(30*time.Second, func() bool {
		by := near.statuses("+4970")
		return by[0] == trunkLimit && by[503] == crowd-trunkLimit
	})
	r.check("1000 calls at once, limit 100", settled && far.most == trunkLimit, "admitted %d, most at a time %d, %v", far.up(), far.most, near.statuses("+4970"))
	reason, waits := near.refusal()
	r.check("a refusal says why and when to come again", reason && len(waits) > 1, "Q.850;cause=34 %t, Retry-After of %d lengths", reason, len(waits))
	before, err := gw.ReadMetrics()
	if err != nil {
		return err
	}
	r.check("the places are counted", before.Sum("drawbridge_trunk_calls", `"far"`) == trunkLimit, "drawbridge_trunk_calls %v", before.Sum("drawbridge_trunk_calls", `"far"`))

	far.each(func(i int) string { return []string{"486 Busy Here", "200 OK", "404 Not Found", ""}[i%4] })
	gateway.Within(10*time.Second, func() bool { by := near.statuses("+4970"); return by[200]+by[486]+by[404] >= trunkLimit*3/4 })
	near.hangUp()
	back := gateway.Within(40*time.Second, func() bool {
		m, err := gw.ReadMetrics()
		return err == nil && m.Sum("drawbridge_calls_admitted")+m.Sum("drawbridge_trunk_calls")+m.Sum("drawbridge_bandwidth_bits") == 0
	})
	after, err := gw.ReadMetrics()
	if err != nil {
		return err
	}
	r.check("every way to end gives the place back", back && after.Sum("drawbridge_limits_miscounted_total") == 0, "admitted %v, bits %v, below zero %v; %v",
		after.Sum("drawbridge_calls_admitted"), after.Sum("drawbridge_bandwidth_bits"), after.Sum("drawbridge_limits_miscounted_total"), near.statuses("+4970"))
	return nil
}

// refusal looks at the 503s: whether all say why, and which Retry-After there were.
func (a *agent) refusal() (reason bool, waits map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reason, waits = true, map[string]int{}
	for _, c := range a.placed {
		if c.status != 503 {
			continue
		}
		wait := field(c.last, "Retry-After")
		waits[wait]++
		n, err := strconv.Atoi(wait)
		shed := n >= 5 && field(c.last, "Reason") == "" // turned away before anybody read it, in the rush
		reason = reason && err == nil && n >= 1 && (shed || n <= 10 && strings.Contains(field(c.last, "Reason"), "Q.850;cause=34"))
	}
	return reason, waits
}

// hurried offers more calls a second than a trunk may place, for a minute, and emergency calls on top.
func hurried(ctx context.Context, r *report, near, hasty *agent) error {
	begin := time.Now()
	tick := time.NewTicker(time.Second / offered)
	defer tick.Stop()
	for i := 0; time.Since(begin) < minute; i++ {
		hasty.call("404" + strconv.Itoa(i)) // no route: who is admitted hears 404
		if i%(10*offered) == 5*offered {    // in between, when the rate is long used up
			hasty.call("112")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	took := time.Since(begin)
	gateway.Within(10*time.Second, func() bool { return hasty.statuses("404")[0] == 0 })
	by := hasty.statuses("404")
	want := burst + rate*took.Seconds()
	off := 100 * (float64(by[404]) - want) / want
	r.check("10 a second, burst 20, of 15 for a minute", math.Abs(off) <= 2 && by[404]+by[503] >= 800, "admitted %d, due %.0f, %+.1f %%; %v", by[404], want, off, by)
	urgent := hasty.statuses("112")
	r.check("emergency calls pass the rate", urgent[503] == 0 && near.up() == 6, "%d of 6 ring; %v", near.up(), urgent)
	hasty.hangUp()
	return nil
}
