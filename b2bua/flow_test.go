package b2bua

import (
	"cmp"
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
	"drawbridge/sip/digest"
	"drawbridge/sip/wire"
)

// TestFlows plays testdata/flows/*.flow in virtual time. A file reads like a ladder diagram; newWorld says who is who.
//
//	A -> INVITE 100           A sends; a direction word is the SDP (default sendrecv), "nosdp" none; Name:value is a header
//	T <- INVITE sendrecv      T must have got that next, with SDP of that direction; ~x: holds x; !x: does not; same: SDP as before
//	T -> 180                  answers the newest request; method=INVITE picks another; tag=x another To tag; keep: more answers follow
//	T -> INVITE 2 forwarded   a call with our own Via beneath; sips: with that scheme
//	A -> PRACK                acknowledges the last reliable 18x; RAck:value says what else
//	A -> MESSAGE 100 body=text  a request outside any dialog; bodies says what there is; expires=60; tags: its other dialogs
//	T <- nothing              and nothing else
//	stream T                  T speaks over TCP; after "lose T" over another connection
//	wait 5s · deaf T · hear T · lose A · drain 5s · media b dtmf 5 · media a failed
//	A -> UPDATE hold=zero     on hold by c=0.0.0.0; also zero6, off, session, cut · port=30002 moves the media; expect to b 30002
//	A -> INVITE qos=none      with preconditions: what A has reserved; qos=none+ask wants our side confirmed
//	expect ended sip=486 by=b · expect answered 1 · expect cdrs 1 · expect bound a:opus:sendrecv · expect dtmf b 5 · expect calls 0 · expect relaxed 1
//	T -> REFER Refer-To:<sip:1?Replaces=DIALOG(U)>   U's dialog, as we know it; expect dtmf b 5 in=1: of the first call
//	dns T U · dns             the name of a trunk (config name) leads to T and U, to nobody; before that, look-ups wait
//	A -> merged               its last request over another way: another branch; cseq=7 gives a request another number
//	config calm WHY           not over a bad network as well: see TestFlowsOverABadNetwork
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
}

func play(t *testing.T, text string, bad *impairment) {
	p := &player{world: newWorld(t, editOf(text)), script: text}
	p.bad = bad
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

// editOf reads the "config" lines of a flow: "config limit acme 1", "config ring 20s", "config rel100 acme supported", "config auth acme
// USER PASSWORD [REALM]", "config redirect acme follow [REALM...]", "config refer acme reject", "config name acme trunk.example". "config ports 2",
// the RTP port pairs that are left from there on, is a step.
func editOf(text string) func(*Config) {
	return func(c *Config) {
		for line := range strings.SplitSeq(text, "\n") {
			w := strings.Fields(line)
			if len(w) < 3 || w[0] != "config" {
				continue
			}
			i := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == w[2] })
			switch w[1] {
			case "limit":
				c.Trunks[i].MaxCalls, _ = strconv.Atoi(w[3])
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
			case "ring":
				c.Ring, _ = time.ParseDuration(w[2])
			case "preconditions":
				i := slices.IndexFunc(c.Trunks, func(t Trunk) bool { return t.Name == w[2] })
				c.Trunks[i].Preconditions = true
			case "rel100":
				c.Trunks[i].Rel100 = map[string]Rel100{"supported": Rel100Supported, "required": Rel100Required}[w[3]]
			}
		}
	}
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
	switch w[0] {
	case "dtmf":
		ev = media.Event{Kind: media.EventDTMF, Leg: leg, Digit: w[1][0]}
	case "ice":
		ev = media.Event{Kind: media.EventICE, Leg: leg}
	}
	p.medias[len(p.medias)-1].notify(ev)
}

// options are the words behind a message.
type options struct {
	dir, method, tag, from string
	frag                   string
	user, hops, port, hold string
	qos, cseq              string
	nosdp, keep            bool
	sips, forwarded        bool
	args                   []string
	contacts               []wire.Addr
	headers                []wire.Field
	body, expires, to      string
}

func parseOptions(words []string) options {
	var o options
	for _, w := range words {
		name, value, isHeader := strings.Cut(w, ":")
		switch {
		case w == "nosdp":
			o.nosdp = true
		case w == "keep":
			o.keep = true
		case w == "sips":
			o.sips = true
		case w == "forwarded":
			o.forwarded = true
		case w == "sendrecv" || w == "sendonly" || w == "recvonly" || w == "inactive":
			o.dir = w
		case strings.HasPrefix(w, "method="):
			o.method = w[7:]
		case strings.HasPrefix(w, "tag="):
			o.tag = w[4:]
		case strings.HasPrefix(w, "port="):
			o.port = w[5:]
		case strings.HasPrefix(w, "cseq="):
			o.cseq = w[5:]
		case strings.HasPrefix(w, "qos="):
			o.qos = w[4:]
		case strings.HasPrefix(w, "hold="):
			o.hold, o.dir = w[5:], "sendrecv"
		case strings.HasPrefix(w, "user="):
			o.user = w[5:]
		case strings.HasPrefix(w, "contact="): // a URI, with its header parameters if in <>
			a, _ := wire.ParseAddr(w[8:])
			o.contacts = append(o.contacts, a)
		case strings.HasPrefix(w, "hops="):
			o.hops = w[5:]
		case strings.HasPrefix(w, "from="):
			o.from = w[5:]
		case strings.HasPrefix(w, "to="):
			o.to = w[3:]
		case strings.HasPrefix(w, "body="):
			o.body = w[5:]
		case strings.HasPrefix(w, "frag="):
			o.frag = strings.ReplaceAll(w[5:], "_", " ")
		case strings.HasPrefix(w, "expires="):
			o.expires = w[8:]
		case isHeader && name != "sip":
			o.headers = append(o.headers, wire.Field{Name: name, Value: strings.ReplaceAll(value, "_", " ")})
		default:
			o.args = append(o.args, w)
		}
	}
	return o
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

// dialogsIn puts the dialog of a peer in the place of DIALOG(T), in the form of Replaces: as the gateway knows it.
func (p *player) dialogsIn(words []string) []string {
	out := slices.Clone(words)
	for i, w := range out {
		before, rest, ok := strings.Cut(w, "DIALOG(")
		name, after, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			continue
		}
		at := p.peers[name]
		value := at.callID + ";to-tag=" + at.remote.Tag() + ";from-tag=" + at.local.Tag()
		if strings.Contains(before, "?") {
			value = strings.NewReplacer(";", "%3B", "=", "%3D", "@", "%40").Replace(value)
		}
		out[i] = before + value + after
	}
	return out
}

func (p *player) build(from *peer, what string, o options) *wire.Message {
	var m *wire.Message
	status, err := strconv.Atoi(what)
	withSDP, answer, former := o.dir != "", true, from.invite
	switch {
	case err == nil:
		pending := slices.Clone(from.pending)
		m = from.response(status, o.method, o.tag)
		if o.keep {
			from.pending = pending
		}
		withSDP = withSDP || status == 200 && m.CSeq.Method == wire.INVITE && !o.nosdp
	case what == "INVITE":
		m = from.call(o.args[0])
		if o.sips {
			m.URI.Scheme, m.Contact[0].URI.Scheme = "sips", "sips"
		}
		withSDP, answer = !o.nosdp, false
	case what != "INFO" && len(o.args) > 0, o.to != "":
		m = from.ask(wire.Method(what), cmp.Or(o.to, strings.Join(o.args, "")))
	case what == "REINVITE":
		m = from.within(wire.INVITE)
		withSDP, answer = !o.nosdp, false
	case what == "UPDATE":
		m, answer = from.within(wire.UPDATE), false
	case what == "PRACK":
		m = from.within(wire.PRACK)
		if !slices.ContainsFunc(o.headers, func(f wire.Field) bool { return f.Name == "RAck" }) {
			m.Add("RAck", from.rack)
		}
	case what == "ACK":
		m = from.request(wire.ACK, from.invSeq)
	case what == "CANCEL":
		m = from.cancel()
	case what == "INFO":
		m = from.within(wire.INFO)
		m.ContentType, m.Body = "application/dtmf-relay", []byte("Signal="+o.args[0]+"\r\nDuration=100\r\n")
	case from.invite == nil: // outside any dialog
		from.call("")
		m = from.request(wire.Method(what), 1)
	default:
		m = from.within(wire.Method(what))
	}
	if o.user != "" {
		m.From.URI.User = o.user
	}
	if o.hops != "" {
		m.MaxForwards, _ = strconv.Atoi(o.hops)
	}
	if o.tag != "" && m.IsRequest() {
		m.From.Params.Set("tag", o.tag)
	}
	if o.forwarded {
		m.Via = append(m.Via, former.Via...)
	}
	if o.cseq != "" {
		n, _ := strconv.Atoi(o.cseq)
		m.CSeq.Seq = uint32(n)
	}
	if o.expires != "" {
		m.Expires, _ = strconv.Atoi(o.expires)
	}
	if o.frag != "" {
		m.ContentType, m.Body = "message/sipfrag", []byte("SIP/2.0 "+o.frag+"\r\n")
	}
	if o.body != "" {
		m.ContentType, m.Body = bodies[o.body].kind, []byte(bodies[o.body].text)
	}
	if withSDP {
		m.ContentType, m.Body = sdpType, o.shape(from.sdp(o.dir, answer))
	}
	return m
}

// shape gives a peer's SDP another port, or puts it on hold in one of the ways that peers have.
func (o options) shape(sdp []byte) []byte {
	text := string(sdp)
	if o.port != "" {
		text = strings.Replace(text, "audio 30000", "audio "+o.port, 1)
	}
	before, media, _ := strings.Cut(text, "m=audio")
	_, connection, _ := strings.Cut(before, "s=-\r\n")
	connection, _, _ = strings.Cut(connection, "t=0 0")
	switch o.hold {
	case "zero":
		text = strings.Replace(text, connection, "c=IN IP4 0.0.0.0\r\n", 1)
	case "zero6":
		text = strings.Replace(text, connection, "c=IN IP6 ::\r\n", 1)
	case "off":
		text = strings.Replace(text, "audio 30000", "audio 0", 1)
	case "session":
		text = before + "a=sendonly\r\nm=audio" + strings.Replace(media, "a=sendrecv\r\n", "", 1)
	case "cut": // the last line without its end
		text = strings.TrimSuffix(strings.Replace(text, "a=sendrecv", "a=sendonly", 1), "\r\n")
	}
	if o.qos != "" {
		text += "a=curr:qos local " + strings.TrimSuffix(o.qos, "+ask") + "\r\na=curr:qos remote none\r\n" +
			"a=des:qos mandatory local sendrecv\r\na=des:qos none remote sendrecv\r\n"
	}
	if strings.HasSuffix(o.qos, "+ask") {
		text += "a=conf:qos remote sendrecv\r\n"
	}
	return []byte(text)
}

// receives takes the next message that a peer has got and checks it.
func (p *player) receives(at *peer, what string, words []string) {
	m := p.next(at, what)
	switch {
	case what == "nothing" && m != nil:
		p.fail("got %s", m.Bytes())
	case what != "nothing" && m == nil:
		p.fail("got nothing")
	}
	if m == nil || what == "nothing" {
		return
	}
	p.same = ""
	if n := len(at.bodies); n > 0 {
		p.same = at.bodies[n-1]
	}
	at.seen[m.Branch()] = true
	at.heard(m)
	got := string(m.Method)
	if !m.IsRequest() {
		got = strconv.Itoa(m.Status)
	}
	if got != what {
		p.fail("got %s", m.Bytes())
		return
	}
	if m.Status >= 300 && m.CSeq.Method == wire.INVITE {
		at.acknowledge(m)
	}
	p.matches(m, words)
	for _, secret := range []string{"secret-cname", "10.0.0."} {
		if at.flow.realm == "carrier" && strings.Contains(string(m.Bytes()), secret) {
			p.fail("leaks %s: %s", secret, m.Bytes())
		}
	}
}

// next takes the next message of a peer; 100 Trying and retransmitted requests are passed over. nil when there is none.
func (p *player) next(at *peer, what string) (m *wire.Message) {
	p.record(func() {
		for m == nil && len(at.inbox) > 0 {
			m, at.inbox = at.inbox[0], at.inbox[1:]
			if what != "100" && m.Status == 100 || at.seen[m.Branch()] && repeats(m) {
				m = nil
			}
		}
	})
	return m
}

// repeats reports whether a message whose branch was seen before is a retransmission: a request but for ACK and CANCEL, which share
// the branch of their INVITE.
func repeats(m *wire.Message) bool {
	return m.IsRequest() && m.Method != wire.ACK && m.Method != wire.CANCEL
}

func (p *player) matches(m *wire.Message, words []string) {
	text := string(m.Bytes())
	for _, w := range words {
		var ok bool
		switch {
		case w == "nosdp":
			ok = len(m.Body) == 0
		case w == "same":
			ok = string(m.Body) == p.same && p.same != ""
		case w[0] == '~':
			ok = strings.Contains(text, strings.ReplaceAll(w[1:], "_", " "))
		case w[0] == '!':
			ok = !strings.Contains(text, strings.ReplaceAll(w[1:], "_", " "))
		case strings.HasPrefix(w, "for="):
			ok = string(m.CSeq.Method) == w[4:]
		default:
			ok = hasSDP(m) && direction(string(m.Body)) == w
		}
		if !ok {
			p.fail("%s does not hold for\n%s", w, text)
		}
	}
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
