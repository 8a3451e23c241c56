package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"drawbridge/tests/gateway"
)

// askedEvery is how often the trunks are asked by OPTIONS here; in the field it is ten times as long.
const askedEvery = time.Second

// deadTrunk lets the first of two trunks of a route die, and come back.
func deadTrunk(ctx context.Context, r *report, binary, dir string) error {
	d, err := newDying(binary, dir)
	if err != nil {
		return err
	}
	defer d.close()
	r.check("both live: the first one rings", d.rings(ctx, d.first), "after %s", d.took)

	d.first.dead.Store(true)
	r.check("the first is dead: the second one rings", d.rings(ctx, d.second) && d.took < 4*time.Second, "after %s, limit 4s", d.took)
	r.check("the next call rings there at once", d.rings(ctx, d.second) && d.took < time.Second, "after %s, limit 1s", d.took)
	took, err := d.until(ctx, "first", "down")
	r.check("three missed OPTIONS: down", err == nil, "%s after the second call, asked every %s %v", took, askedEvery, orNothing(err))
	r.check("it is skipped", d.rings(ctx, d.second) && d.took < time.Second, "after %s", d.took)
	out, _ := exec.CommandContext(ctx, binary, "route", "carrier", number, "--admin", "http://"+d.g.Admin.String()).CombinedOutput()
	r.check("`drawbridge route` says why", strings.Contains(string(out), "every target is down"), "%s", firstLine(string(out)))

	d.second.dead.Store(true)
	_, err = d.until(ctx, "second", "down")
	status, after, callErr := d.caller.ring(ctx, number)
	r.check("all are down: 504 at once", err == nil && callErr == nil && status == "504" && after < time.Second, "%s after %s", status, after)

	before := d.first.options.Load()
	d.first.dead.Store(false)
	took, err = d.until(ctx, "first", "up")
	answered := d.first.options.Load() - before
	r.check("two good OPTIONS: up", err == nil && answered >= 2, "%d answered, %s after it came back %v", answered, took, orNothing(err))
	r.check("it gets calls again", d.rings(ctx, d.first), "after %s", d.took)
	return nil
}

const number = "+4930123"

// dying is a gateway between a caller and two trunks.
type dying struct {
	g             *gateway.Gateway
	caller        *caller
	first, second *peer
	took          time.Duration // of the last call
}

func newDying(binary, dir string) (*dying, error) {
	d := &dying{caller: &caller{}}
	var err error
	if d.caller.conn, err = listen(netip.MustParseAddr("127.0.2.1")); err != nil {
		return nil, err
	}
	if d.first, err = newPeer(netip.MustParseAddr("127.0.2.2")); err != nil {
		return nil, err
	}
	if d.second, err = newPeer(netip.MustParseAddr("127.0.2.3")); err != nil {
		return nil, err
	}
	watched := fmt.Sprintf("health: {options: %s, down: 3, up: 2}", askedEvery)
	from := d.caller.conn.LocalAddr().String()
	d.g, err = gateway.Launch(binary, dir, gateway.Config{
		Trunks: []gateway.Trunk{
			{Name: "caller", Target: netip.MustParseAddrPort(from)},
			{Name: "first", Target: d.first.addr(), More: watched},
			{Name: "second", Target: d.second.addr(), More: watched},
		},
		Routes: []gateway.Route{{From: "carrier", To: "*", Via: "first, second"}},
	})
	if err == nil {
		d.caller.gateway = d.g.SIP
	}
	return d, err
}

func (d *dying) close() {
	_ = d.g.Stop() // what it has to say was said by now
	for _, c := range []interface{ Close() error }{d.caller.conn, d.first.conn, d.second.conn} {
		_ = c.Close() // nobody waits for it
	}
}

// rings places a call and reports whether it rang at p, and nowhere else.
func (d *dying) rings(ctx context.Context, p *peer) bool {
	first, second := d.first.rung.Load(), d.second.rung.Load()
	status, after, err := d.caller.ring(ctx, number)
	d.took = after.Round(time.Millisecond)
	there := d.first.rung.Load() > first && d.second.rung.Load() == second
	if p == d.second {
		there = d.first.rung.Load() == first && d.second.rung.Load() > second
	}
	return err == nil && status == "180" && there
}

// until waits for a trunk to be in a state, as the private port says.
func (d *dying) until(ctx context.Context, trunk, state string) (time.Duration, error) {
	start := time.Now()
	for ctx.Err() == nil && time.Since(start) < 35*time.Second {
		is, err := d.state(ctx, trunk)
		if err != nil || is == state {
			return time.Since(start).Round(time.Millisecond), err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return time.Since(start), fmt.Errorf("%s is not %s", trunk, state)
}

func (d *dying) state(ctx context.Context, trunk string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.g.Admin.String()+"/v1/route/explain?from=carrier&to=%2B4930123", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		Steps []struct {
			Trunk   string
			Targets []struct{ State string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return "", err
	}
	for _, s := range said.Steps {
		if s.Trunk == trunk && len(s.Targets) > 0 {
			return s.Targets[0].State, nil
		}
	}
	return "", fmt.Errorf("nothing is said of %s", trunk)
}

func orNothing(err error) any {
	if err == nil {
		return ""
	}
	return err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
