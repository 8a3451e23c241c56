package main

import (
	"testing"
	"time"

	"drawbridge/config"
	"drawbridge/policy/route"
	"drawbridge/telemetry"
)

// TestBadTrunkLosesItsCalls: the cheapest of three gateways degrades to a MOS of 2.34. After 20 calls the second one is first, the
// operator has been told once, and the explanation says why; one call in twenty still goes to the first.
func TestBadTrunkLosesItsCalls(t *testing.T) {
	snap, err := config.Parse("F", []byte(`
realms: {access: {media: {udp: 40000}}, carrier: {listen: ["udp:127.0.0.1:5060"]}}
deck: ../../config/testdata/three.csv
trunks:
  one: {realm: carrier, targets: ["sip:192.0.2.1"], quality: {mos: 3.6, asr: 30}}
  two: {realm: carrier, targets: ["sip:192.0.2.2"]}
  three: {realm: carrier, targets: ["sip:192.0.2.3"]}
routes: [{to: "*", deck: true}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	g := &gateway{events: telemetry.Listener{Lifecycle: func(l telemetry.Lifecycle) { told = append(told, l.What+" "+l.Detail) }}}
	c, err := newCurrent(snap, 1)
	if err != nil {
		t.Fatal(err)
	}
	g.current.Store(c)
	first := func(draw uint64) string {
		return g.now().table.Candidates(route.Query{Number: "+49301", Draw: draw, Standing: g.standing})[0].Trunk
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	call := func(in, out float64) {
		leg := telemetry.Leg{Peer: "one", Trunk: true, In: &telemetry.Quality{MOS: in}, Out: &telemetry.Quality{MOS: out}}
		g.scored(&telemetry.CallEnded{Answer: now, End: now, B: leg})
	}
	for range 19 {
		call(4.3, 2.34) // what we hear is good, what the peer hears is not
	}
	if first(sample) != "one" {
		t.Error("19 calls say nothing yet")
	}
	call(4.3, 2.34)
	if first(sample) != "two" {
		t.Errorf("after 20 bad calls %s is first", first(sample))
	}
	e := judge(snap, g.now().table, nil, route.Query{Realm: "access", Number: "+49301", Draw: sample, Standing: g.standing}, "access")
	if len(e.Steps) != 3 || e.Steps[2].Trunk != "one" || e.Steps[2].Why != "MOS 2.34, below 3.60" || e.Steps[2].Penalty < 2 {
		t.Errorf("%+v", e.Steps)
	}
	trials := 0
	for draw := range uint64(10_000) {
		if first(draw) == "one" {
			trials++
		}
	}
	if trials < 400 || trials > 600 {
		t.Errorf("%d of 10000 calls try it, want 500", trials)
	}
	for range 5 {
		call(4.3, 4.2)
	}
	if first(sample) != "one" {
		t.Error("five good trials bring it back")
	}
	for range 40 {
		g.scored(&telemetry.CallEnded{End: now, B: telemetry.Leg{Peer: "one", Trunk: true}})
		g.scored(&telemetry.CallEnded{End: now, B: telemetry.Leg{Peer: "one"}}) // an account of that name
	}
	if first(sample) != "two" || len(told) != 3 || told[0] != "trunk worse one: MOS 2.34, below 3.60" || told[1] != "trunk good again one" {
		t.Errorf("first %s, told %q", first(sample), told)
	}
}
