package b2bua

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// expect checks what the operator sees.
func (p *player) expect(what string, w []string) {
	last := func() *memMedia { return p.medias[len(p.medias)-1] }
	switch what {
	case "dtmf":
		call := last()
		if len(w) > 2 { // in=1: the first call
			n, _ := strconv.Atoi(w[2][3:])
			call = p.medias[n-1]
		}
		p.equal(w[1], call.digits[sideNames[w[0]]])
	case "use": // expect use trunk/acme 1 80000
		p.equal(strings.Join(w[1:], " "), p.inUse(w[0]))
	case "targets":
		var states []string
		for _, h := range p.sw.Targets(w[0]) {
			states = append(states, h.State)
		}
		p.equal(strings.Join(w[1:], " "), strings.Join(states, " "))
	case "alarms":
		p.equal(strings.Join(w, " "), p.alarms())
	case "misruled":
		p.equal(w[0], strconv.Itoa(p.misruled()))
	case "challenges": // expect challenges trunk_acme_asks_for_"r":_there_is_no_auth
		var told []string
		for _, e := range p.events {
			if e, ok := e.(telemetry.Refused); ok && e.Kind == "challenge" {
				told = append(told, strings.ReplaceAll(e.Detail, " ", "_"))
			}
		}
		p.equal(strings.Join(w, " "), strings.Join(told, " "))
	case "watched":
		p.equal(w[0], strconv.Itoa(p.sw.cfg.Frauds.Open()))
	case "settled":
		p.equal(w[0], strconv.FormatBool(p.sw.Settled()))
	case "enrolled":
		p.equal(w[1], strconv.FormatBool(p.sw.Enrolled()[w[0]]))
	case "down":
		p.equal(w[1], strconv.Itoa(p.sw.HopsDown()[w[0]]))
	case "talking":
		p.equal(w[0], strconv.Itoa(last().talking))
	case "seen":
		p.equal(strings.Join(w, " "), p.seen())
	case "ice": // how many credentials media has been given; the last SDP shows the newest
		at, bodies := last().ice[sideNames[w[0]]], p.peers[w[2]].bodies
		p.equal(w[1], strconv.Itoa(len(at)))
		if !strings.Contains(bodies[len(bodies)-1], "a=ice-ufrag:"+at[len(at)-1]+"\r\n") {
			p.fail("media has %v, but the SDP is\n%s", at, bodies[len(bodies)-1])
		}
	case "to":
		p.equal(w[1], strconv.Itoa(int(last().remotes[sideNames[w[0]]].Port())))
	case "bound":
		binds := last().binds
		held := slices.Contains(binds, w[0])
		if len(w) > 1 && w[1] == "last" {
			held = held && binds[len(binds)-1] == w[0]
		}
		if held == (len(w) > 1 && w[1] == "never") {
			p.fail("bound %v", binds)
		}
	default:
		if problem := p.outcome(what, w); problem != "" {
			p.fail("%s", problem)
		}
	}
}

var sideNames = map[string]int{"a": 0, "b": 1}

// outcome compares how calls have come out so far, and says what is not as it should be.
func (p *player) outcome(what string, w []string) string {
	var answered int
	var cdrs []telemetry.CallEnded
	p.record(func() {
		for _, e := range p.events {
			switch e := e.(type) {
			case telemetry.CallAnswered:
				answered++
			case telemetry.CallEnded:
				cdrs = append(cdrs, e)
			}
		}
	})
	numbers := map[string]int{"answered": answered, "cdrs": len(cdrs), "calls": p.sw.Active(), "transferred": 0}
	if n := len(cdrs); what == "transferred" && n > 0 { // CDRs of one transfer with the last
		for _, e := range cdrs {
			if e.Transfer != "" && e.Transfer == cdrs[n-1].Transfer {
				numbers[what]++
			}
		}
	}
	if what == "relaxed" {
		numbers[what] = p.relaxed()
	}
	switch n, ok := numbers[what]; {
	case ok && strconv.Itoa(n) != w[0]:
		return "is " + strconv.Itoa(n)
	case ok:
		return ""
	case what != "ended":
		return "expect what?"
	case len(cdrs) == 0:
		return "no CDR"
	}
	return unlike(cdrs[len(cdrs)-1], w)
}

// relaxed counts the calls that hold no INVITE any more.
func (p *player) relaxed() (n int) {
	for i := range p.core.Shards() {
		done := make(chan struct{})
		p.core.PostForced(i, func(sh *txn.Shard) {
			defer close(done)
			for at := range p.sw.books[sh.Index()].seats {
				if light(at.call) {
					n++
				}
			}
		})
		<-done
	}
	return n
}

// seen is the newest call as the operator sees it: state, from, to, the callee's side.
func (p *player) seen() string {
	all := p.sw.Calls(p.t.Context(), 1)
	if len(all) == 0 || all[0].B == nil {
		return fmt.Sprint(len(all))
	}
	c := all[0]
	if one := p.sw.Call(p.t.Context(), c.Call); !cmp.Equal(one, c) || c.A.PacketsIn != 1 || c.B.PacketsIn != 2 {
		p.fail("%s", cmp.Diff(c, one))
	}
	return strings.Join([]string{c.State, c.From, c.To, c.B.Peer}, " ")
}

func light(c *Call) bool {
	for _, leg := range c.legs {
		if l, ok := leg.(*sipLeg); ok && (l.uas != nil || l.uac != nil) {
			return false
		}
	}
	return c.setup.Invite == nil && c.hunt == nil
}

func (p *player) equal(want, got string) {
	if want != got {
		p.fail("is %s", got)
	}
}

// tried is what a CDR says of the hunt: acme/192.0.2.1:5060/503,backup//200; a rule stands where no status can be.
func tried(all []telemetry.Attempt) string {
	var out []string
	for _, a := range all {
		status := strconv.Itoa(a.Status)
		if a.Rule != "" {
			status = a.Rule
		}
		_, at, _ := strings.Cut(a.Target, ":")
		out = append(out, a.Peer+"/"+at+"/"+status+"/"+strconv.FormatInt(a.MS, 10)+"ms")
	}
	return strings.Join(out, ",")
}

// unlike compares a CDR with words such as sip=486.
func unlike(e telemetry.CallEnded, w []string) string {
	fields := map[string]string{
		"sip": strconv.Itoa(e.Cause.SIP), "q850": strconv.Itoa(e.Cause.Q850), "by": e.Cause.By, "rule": e.Rule,
		"dur": e.Duration.String(), "setup": e.Setup.String(), "a": e.A.Peer, "b": e.B.Peer, "in": strconv.FormatUint(e.A.PacketsIn, 10),
		"text": strings.ReplaceAll(e.Cause.Text, " ", "_"), "kindb": e.B.Kind, "codecb": e.B.Codec, "codeca": e.A.Codec,
		"tried": tried(e.Attempts),
	}
	for _, word := range w {
		name, want, _ := strings.Cut(word, "=")
		if got := fields[name]; got != want {
			return name + " is " + got
		}
	}
	return ""
}
