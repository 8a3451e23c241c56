package b2bua

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/policy/fraud"
	"drawbridge/policy/health"
	"drawbridge/policy/route"
	"drawbridge/sip/digest"
	"drawbridge/sip/wire"
)

// TestFlows plays testdata/flows/*.flow in virtual time. A file reads like a ladder diagram; newWorld says who is who.
//
//	A -> INVITE 100           A sends; a direction word is the SDP (default sendrecv), "nosdp" none; Name:value is a header
//	T <- INVITE sendrecv      T must have got that next, with SDP of that direction; ~x: holds x; !x: does not; same: SDP as before
//	T -> 180                  answers the newest request; method=INVITE picks another; tag=x another To tag (none: none); keep: more answers follow
//	T -> INVITE 2 forwarded   a call with our own Via beneath; sips: with that scheme
//	A -> PRACK                acknowledges the last reliable 18x; RAck:value says what else
//	A -> MESSAGE 100 body=text  a request outside any dialog; bodies says what there is; expires=60; tags: its other dialogs
//	T <- nothing              and nothing else
//	alive T 200               from now on T answers our OPTIONS by itself, with that status
//	stream T                  T speaks over TCP; after "lose T" over another connection
//	wait 5s · deaf T · hear T · close T (its host returns what comes) · open T · lose A · drain 5s · media b dtmf 5 · media a failed · media b failed fingerprint
//	A -> UPDATE hold=zero     on hold by c=0.0.0.0; also zero6, off, session, cut · port=30002 moves the media; expect to b 30002
//	A -> REINVITE ice=new1    with this ICE user fragment; expect ice a 2 A: media has got two of ours, and the last SDP to A shows the newer
//	A -> INVITE qos=none      with preconditions: what A has reserved; qos=none+ask wants our side confirmed
//	T -> 200 keys=savp:2      with an SDES key in RTP/SAVP, for the tag 2; savp:2+ another key; avp: in RTP/AVP; dtls, dtls:active
//	expect ended sip=486 by=b · expect answered 1 · expect cdrs 1 · expect bound a:opus:sendrecv · expect dtmf b 5 · expect calls 0 · expect relaxed 1
//	expect ended tried=acme/192.0.2.1:5060/503/0ms,backup//limits/trunk/cps/0ms   what the record says of the hunt: target, status or rule, time
//	expect down acme 1        of acme's targets one is out of service; expect targets acme resting: what the API says of each
//	expect use trunk/acme 1 80000   calls and bits a second that count for a limit; gateway has the calls that are transcoded behind them
//	expect enrolled acme true   we are registered there
//	expect talking 1 · expect seen talking alice 100 acme   media knows of the answer; the newest call in the API
//	T -> REFER Refer-To:<sip:1?Replaces=DIALOG(U)>   U's dialog, as we know it; expect dtmf b 5 in=1: of the first call
//	dns T U · dns             the name of a trunk (config name) leads to T and U, to nobody; before that, look-ups wait
//	A -> merged               its last request over another way: another branch; cseq=7 gives a request another number
//	config calm WHY           not over a bad network as well: see TestFlowsOverABadNetwork
//	expect alarms warning:per_minute critical:per_minute:refused   all that have come, in this order; expect watched 0
//	set limit acme 1          a new configuration: the old one with one more config line; set gone acme, set gone alice: without a trunk, an account
//	expect settled true       every call of earlier configurations is over
//	expect misruled 1         so often rules could not be carried out
//	expect challenges trunk_acme_asks_for_"r":_there_is_no_auth   those that went unanswered, in this order
//	expect transferred 2      CDRs of the transfer that the last call was part of
//	# comment, ; comment
func TestFlows(t *testing.T) {
	files, err := filepath.Glob("testdata/flows/*.flow")
	if err != nil || len(files) == 0 {
		t.Fatal("no flows", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(f), ".flow"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, string(text), nil) })
		})
	}
}

// player runs one flow.
type player struct {
	*world
	line int
	text string
	same string // the SDP that "same" means: the one before the last, of the peer at hand

	script string
	sets   []string // what new configurations say besides
}

func play(t *testing.T, text string, bad *impairment) {
	p := &player{world: newWorld(t, editOf(text)), script: text}
	p.bad = bad
	p.sw.Probe()
	p.sw.Enrol()
	defer p.close()
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, " ;")
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "config" && words[1] != "ports" {
			continue
		}
		p.line, p.text = i+1, line
		p.step(words)
		synctest.Wait()
		if t.Failed() {
			p.stop()
			<-p.stopped
			t.FailNow()
		}
	}
}

// editOf reads the "config" lines of a flow: "config limit acme 1" (see limitAs), "config ring 20s", "config rel100 acme supported", "config srtp acme sdes", "config auth acme
// USER PASSWORD [REALM]", "config codecs access opus", "config redirect acme follow [REALM...]", "config refer acme reject", "config tell access", "config reflect backup acme", "config dtmf acme
// info", "config name acme trunk.example", "config health acme options [401...]" (every 10 s, those answers count as none), "config health acme
// calls", "config register acme 4930 provider.example [600s] [bulk]", "config reroute acme next 480 final 500", "config alldown 503", "config fraud NAME prefixes=252 critical=per_minute:6,duration:600
// warning=per_minute:3 block=off end" (a minute of a call costs 1), "config rules acme out do=set of=Subject to=a_b methods=INVITE if=To.user:^1"
// (realms, too; with on=response for those alone), "config pass acme in headers=X-A,X-B sdp=x-note bodies=text/plain" (realms, too). "config ports 2",
// the RTP port pairs that are left from there on, is a step.
func editOf(text string) func(*Config) {
	return func(c *Config) {
		var rules []fraud.Rule
		for line := range strings.SplitSeq(text, "\n") {
			w := strings.Fields(line)
			if len(w) < 3 || w[0] != "config" {
				continue
			}
			i := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == w[2] })
			switch w[1] {
			case "codecs":
				r := c.Realms[w[2]]
				r.Codecs = nil
				for _, name := range w[3:] {
					codec, _ := offer.Lookup(name)
					r.Codecs = append(r.Codecs, codec)
				}
				c.Realms[w[2]] = r
			case "tell": // the realm is told which rule has refused
				r := c.Realms[w[2]]
				r.TellRules = true
				c.Realms[w[2]] = r
			case "gone":
				c.Trunks = slices.DeleteFunc(c.Trunks, func(t Trunk) bool { return t.Name == w[2] })
				c.Known = func(user string) bool { return user != w[2] }
			case "limit":
				limitAs(c, w[2], w[3:])
			case "auth":
				c.Trunks[i].Auth = digest.Account{User: w[3], Password: w[4]}
				if len(w) > 5 {
					c.Trunks[i].Auth.Realm = w[5]
				}
			case "redirect":
				c.Trunks[i].Redirect = Redirect{Follow: w[3] == "follow", Realms: w[4:]}
			case "name":
				c.Trunks[i].Targets = []wire.URI{{Scheme: "sip", Host: w[3]}}
			case "refer":
				c.Trunks[i].Refer = map[string]ReferPolicy{"local": ReferLocal, "pass": ReferPass, "reject": ReferReject}[w[3]]
			case "health":
				c.Trunks[i].Failover = healthOf(w[3:])
			case "reflect":
				c.Trunks[i].Failover.Reflect = w[3:]
			case "register":
				c.Trunks[i].Register = Register{AOR: wire.URI{Scheme: "sip", User: w[3], Host: w[4]}}
				for _, word := range w[5:] {
					if c.Trunks[i].Register.Bulk = word == "bulk"; !c.Trunks[i].Register.Bulk {
						c.Trunks[i].Register.Expires, _ = time.ParseDuration(word)
					}
				}
			case "reroute":
				c.Trunks[i].Failover.Reroute = rerouteOf(w[3:])
			case "fraud":
				rules = append(rules, fraudRule(w[2], w[3:]))
				watchedBy(c, rules)
			case "rules":
				ruleFor(c, w[2], w[3], w[4:])
			case "pass":
				passFor(c, w[2], w[3], w[4:])
			case "alldown":
				c.AllDown, _ = strconv.Atoi(w[2])
			case "ring":
				c.Ring, _ = time.ParseDuration(w[2])
			case "preconditions":
				i := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == w[2] })
				c.Trunks[i].Preconditions = true
			case "dtmf":
				c.Trunks[i].DTMF = map[string]DTMF{"info": DTMFRelay, "info-dtmf": DTMFPlain, "inband": DTMFTones, "rfc4733": DTMFEvents}[w[3]]
			case "srtp":
				c.Trunks[i].SRTP = map[string]offer.SRTP{"rtp": offer.SRTPNone, "optional": offer.SRTPOptional, "sdes": offer.SRTPSDES, "dtls": offer.SRTPDTLS}[w[3]]
			case "rel100":
				c.Trunks[i].Rel100 = map[string]Rel100{"supported": Rel100Supported, "required": Rel100Required}[w[3]]
			}
		}
	}
}

// healthOf reads how a trunk is watched.
func healthOf(w []string) Failover {
	f := Failover{Health: health.Rules{On: true, Probed: w[0] == "options", Down: 3, Up: 2, Failing: 50, Hold: 30 * time.Second}}
	if f.Health.Probed {
		f.Probe.Every = 10 * time.Second
		for _, code := range w[1:] {
			n, _ := strconv.Atoi(code)
			f.Probe.Dead = append(f.Probe.Dead, n)
		}
	}
	return f
}

// rerouteOf reads a trunk's table.
func rerouteOf(w []string) route.Reroute {
	var r route.Reroute
	list := &r.Next
	for _, word := range w {
		n, err := strconv.Atoi(word)
		switch {
		case err == nil:
			*list = append(*list, n)
		case word == "final":
			list = &r.Final
		}
	}
	return r
}

func (p *player) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf("line %d: %s\n\t%s", p.line, strings.TrimSpace(p.text), fmt.Sprintf(format, args...))
}

func (p *player) step(w []string) {
	switch w[0] {
	case "config":
		n, _ := strconv.Atoi(w[2])
		p.record(func() { p.ports = n })
	case "set":
		p.sets = append(p.sets, "config "+strings.Join(w[1:], " "))
		next := p.config()
		editOf(p.script + "\n" + strings.Join(p.sets, "\n"))(&next)
		p.sw.Set(next.Settings)
	case "wait":
		d, err := time.ParseDuration(w[1])
		if err != nil {
			p.fail("%v", err)
		}
		time.Sleep(d)
	case "dns":
		p.dns.answer(w[1:])
	case "deaf", "hear":
		p.record(func() { p.peers[w[1]].deaf = w[0] == "deaf" })
	case "close", "open":
		p.record(func() { p.peers[w[1]].gone = w[0] == "close" })
	case "alive":
		p.record(func() { p.peers[w[1]].alive, _ = strconv.Atoi(w[2]) })
	case "stream":
		p.record(func() { p.peers[w[1]].connect() })
	case "lose":
		p.lose(w[1])
	case "drain":
		d, _ := time.ParseDuration(w[1])
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			_ = p.sw.Drain(ctx)
		}()
	case "media":
		p.media(w[1], w[2:])
	case "expect":
		if p.bad != nil {
			p.comesTo(w[1], w[2:])
			return
		}
		p.expect(w[1], w[2:])
	default:
		p.exchange(w)
	}
}

func (p *player) exchange(w []string) {
	out := w[1] == "->"
	switch peer := p.peers[w[0]]; {
	case w[0] == "J" && out:
		p.say(w[2], w[3:])
	case w[0] == "J":
		p.hears(w[2], w[3:])
	case peer == nil:
		p.fail("nobody is called %s", w[0])
	case out:
		p.sends(peer, w[2], w[3:])
	case p.bad != nil:
		p.gets(peer, w[2], w[3:])
	default:
		p.receives(peer, w[2], w[3:])
	}
}

func (p *player) lose(name string) {
	if name == "J" {
		p.sw.LineLost(p.world.line)
		return
	}
	old := p.peers[name].flow
	if old.transport == "TCP" {
		old.ended = true
		p.peers[name].connect()
	}
	p.core.FlowLost(old, nil)
}

func (p *player) media(side string, w []string) {
	leg := map[string]media.LegID{"a": media.A, "b": media.B}[side]
	ev := media.Event{Kind: media.EventFailed, Leg: leg, Reason: "dtls"}
	if len(w) > 1 {
		ev.Reason = w[1]
	}
	switch w[0] {
	case "dtmf":
		ev = media.Event{Kind: media.EventDTMF, Leg: leg, Digit: w[1][0]}
	case "ice":
		ev = media.Event{Kind: media.EventICE, Leg: leg}
	}
	p.medias[len(p.medias)-1].notify(ev)
}

// say and hears are the page's side of a JSON call.
func (p *player) say(what string, w []string) {
	s := Signal{Type: SignalType(what), Call: "ref-1"}
	line := p.world.line
	for _, in := range line.inbox {
		if in.Type == SignalCall {
			s.Call = in.Call
		}
	}
	if n := len(line.heard); n > 0 && what != "call" {
		s.Call = line.heard[n-1].Call
	}
	sdp := string(p.peers["A"].sdp("", what == "answer"))
	switch s.Type {
	case SignalCall:
		s.To, s.SDP = w[0], sdp
	case SignalAnswer:
		s.SDP = sdp
	case SignalHold:
		s.On = w[0] == "on"
		s.SDP = sdp
		if s.On {
			s.SDP = string(p.peers["A"].sdp("sendonly", false))
		}
	case SignalDTMF:
		s.Digits = w[0]
	case SignalBye:
		if len(w) > 0 {
			s.Status, _ = strconv.Atoi(w[0])
		}
	case SignalRinging, SignalStage, SignalError: // their type says all
	}
	p.sw.Signal(line, s)
}

func (p *player) hears(what string, w []string) {
	line := p.world.line
	if p.bad != nil {
		p.hearsIn(line, what)
		return
	}
	var got []Signal
	p.record(func() {
		if len(line.inbox) > 0 {
			got, line.inbox = line.inbox[:1:1], line.inbox[1:]
		}
	})
	switch {
	case len(got) == 0 && what != "nothing":
		p.fail("got nothing")
		return
	case len(got) == 0:
		return
	case what == "nothing":
		p.fail("got %+v", got[0])
		return
	}
	s := got[0]
	line.heard = append(line.heard, s)
	if string(s.Type) != what {
		p.fail("got %+v", s)
	}
	text := fmt.Sprintf("%+v", s)
	for _, want := range w {
		if !strings.Contains(text, want) {
			p.fail("%s is not in %s", want, text)
		}
	}
}

// sends puts one message on the wire.
func (p *player) sends(from *peer, what string, words []string) {
	o := parseOptions(p.dialogsIn(words))
	if what == "again" {
		b := from.answers
		if len(o.args) > 0 {
			b = from.sent
		}
		from.emit(from.flow, b)
		return
	}
	if what == "merged" {
		m, _ := wire.Read(from.sent, wire.CanonOptions{})
		m.Via = []wire.Via{from.newVia()}
		from.send(m)
		return
	}
	if p.bad != nil && from.station != nil {
		p.ready(from, what)
		if from.skipped = p.holds(from, what, o); from.skipped {
			return
		}
		if what == "ACK" {
			defer time.Sleep(8 * time.Second) // the ACK may be lost, and once more; behind it the dialog is the peer's to use
		}
	}
	m := p.build(from, what, o)
	m.Fields = append(m.Fields, o.headers...)
	if len(o.contacts) > 0 {
		m.Contact = o.contacts
	}
	if o.from != "" {
		from.sendFrom(p.peers[o.from].flow, m)
		return
	}
	from.send(m)
}
