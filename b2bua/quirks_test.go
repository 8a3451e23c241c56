package b2bua

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"drawbridge/config"
	"drawbridge/media/offer"
	"drawbridge/policy/health"
	"drawbridge/policy/route"
	"drawbridge/sip/digest"
	"drawbridge/sip/wire"
)

var update = flag.Bool("update", false, "rewrite what the peers get in testdata/quirks")

// TestQuirks plays testdata/quirks/*.txt and testdata/profiles/*.txt: profile and message in, messages out, byte for byte but for what is
// drawn at random. The name of a file begins with the quirk, or is the profile, that it shows. A line without indent says what is below it:
//
//	# words                 a remark
//	trunk acme              the profile of T, backup of U: lines of profile_settings; "profile: NAME" is the base
//	T sends · A sends       a message as it is; {offer} is an SDP of the peer's; "T sends lf": its lines end by LF alone
//	U gets                  the next message there, 100 Trying and what comes again left out; {sdp} is an SDP, <words> are made by the gateway
//	U gets sdp              the same with its SDP; T sends: what stands behind an empty line is the body
//	U gets nothing          and no other
//	U says 200 tag=x        as in a flow, with the SDP below; {sdp}: one of the peer's
//	steps                   lines of a flow: see TestFlows
//
// A call of acme goes to backup, a call of alice (A; +4930100 and +4930101 are hers) to acme.
func TestQuirks(t *testing.T) {
	files, err := filepath.Glob("testdata/[qp]*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no quirks", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = playQuirk(t, blocksOf(string(text))) })
			if *update && !t.Failed() {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(text), got); d != "" {
				t.Errorf("-file +gateway (go test ./b2bua -run TestQuirks -update writes it):\n%s", d)
			}
		})
	}
}

// block is one part of a quirk's file.
type block struct {
	head  string
	lines []string
}

func blocksOf(text string) (all []block) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "  ") && len(all) > 0:
			last := &all[len(all)-1]
			last.lines = append(last.lines, line[2:])
		case line == "" && len(all) > 0 && strings.Contains(all[len(all)-1].head, " sends"):
			all[len(all)-1].lines = append(all[len(all)-1].lines, "")
		case line != "":
			all = append(all, block{head: line})
		}
	}
	return all
}

// playQuirk plays the blocks and returns the file as it should be.
func playQuirk(t *testing.T, blocks []block) string {
	p := &player{world: newWorld(t, func(c *Config) { quirky(t, c, blocks) })}
	p.sw.Probe()
	p.sw.Enrol()
	defer p.close()
	var out strings.Builder
	for _, b := range blocks {
		words := strings.Fields(b.head)
		switch {
		case b.head[0] == '#', words[0] == "trunk":
		case len(words) >= 2 && words[1] == "sends":
			p.sendsText(p.peers[words[0]], b.lines, len(words) > 2)
		case len(words) >= 2 && words[1] == "gets":
			b.lines = p.getsText(p.peers[words[0]], words[len(words)-1] == "sdp")
			if silent := words[len(words)-1] == "nothing"; silent != (b.lines == nil) {
				t.Errorf("%s: %q", b.head, b.lines)
			}
		case len(words) > 2 && words[1] == "says":
			p.says(p.peers[words[0]], words[2], words[3:], b.lines)
		case words[0] == "steps":
			for i, line := range b.lines {
				p.line, p.text = i+1, line
				p.step(strings.Fields(line))
				synctest.Wait()
			}
		default:
			t.Fatalf("what is %q?", b.head)
		}
		out.WriteString(b.head + "\n")
		for _, line := range b.lines {
			out.WriteString(strings.TrimRight("  "+line, " ") + "\n")
		}
	}
	return out.String()
}

// quirky gives the trunks their profiles.
func quirky(t *testing.T, c *Config, blocks []block) {
	c.Number = func(user string) string { return map[string]string{"alice": "+4930100"}[user] }
	c.Routes = func(q route.Query) []route.Candidate {
		realm, number := q.Realm, q.Number
		switch {
		case number == "+4930100", number == "+4930101":
			return []route.Candidate{{User: "alice"}}
		case realm == "access":
			return []route.Candidate{{Trunk: "acme"}}
		case strings.HasPrefix(number, "+492"):
			return []route.Candidate{{Trunk: "backup"}, {Trunk: "acme"}}
		}
		return []route.Candidate{{Trunk: "backup"}}
	}
	for i := range c.Trunks {
		shape(t, &c.Trunks[i], nil)
	}
	for _, b := range blocks {
		name, ok := strings.CutPrefix(b.head, "trunk ")
		for i := range c.Trunks {
			if ok && c.Trunks[i].Name == name {
				shape(t, &c.Trunks[i], b.lines)
			}
		}
	}
}

// ofTrunk are the lines of a trunk that are none of its profile.
var ofTrunk = regexp.MustCompile(`^(profile|auth|health|media|register|reroute): `)

// shape gives a trunk its profile, and what the trunk takes from that, as the configuration does.
func shape(t *testing.T, to *Trunk, lines []string) {
	t.Helper()
	text := "realms:\n  access: {media: {udp: 1}}\n  c: {listen: ['udp:203.0.113.9:5060']}\ntrunks:\n  t:\n    realm: c\n    targets: ['sip:198.51.100.7']\n"
	settings := ""
	for _, line := range lines {
		if ofTrunk.MatchString(line) {
			text += "    " + line + "\n"
		} else {
			settings += "      " + line + "\n"
		}
	}
	if settings != "" {
		text += "    profile_settings:\n" + settings
	}
	snap, err := config.Parse("profile", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := snap.Trunks["t"]
	to.Profile, to.Redirect.Follow, to.Preconditions = c.Peer(), c.Redirect == "follow", c.Preconditions
	to.Redirect.Pass = c.Redirect == "pass"
	to.Refer = map[string]ReferPolicy{"local": ReferLocal, "pass": ReferPass, "reject": ReferReject}[c.Refer]
	to.Auth = digest.Account{User: c.Auth.User, Password: c.Auth.Password.Reveal(), Realm: c.Auth.Realm}
	if user, host, ok := c.Register.Address(); ok {
		to.Register = Register{AOR: wire.URI{Scheme: "sip", User: user, Host: host}, Contact: c.Register.Contact, Expires: c.Register.Expires, NoRoute: c.Register.NoServiceRoute, Bulk: c.Register.Bulk}
	}
	to.Failover.Health = health.Rules{On: c.Health.On(), Probed: c.Health.Options > 0, Down: c.Health.Down, Up: c.Health.Up, Failing: c.Health.Failing, Hold: c.Health.Hold}
	to.Failover.Probe = Probe{Every: c.Health.Options, Dead: c.Health.Dead}
	to.Failover.Reroute = route.Reroute{Next: c.Reroute.Next, Final: c.Reroute.Final}
	to.Ptime, to.Codecs = c.Ptime, nil
	for _, name := range c.Codecs {
		codec, _ := offer.Lookup(name)
		to.Codecs = append(to.Codecs, codec)
	}
	to.SRTP = map[string]offer.SRTP{"rtp": offer.SRTPNone, "optional": offer.SRTPOptional, "sdes": offer.SRTPSDES, "dtls": offer.SRTPDTLS}[c.SRTP]
	to.DTMF = map[string]DTMF{"rfc4733": DTMFEvents, "info": DTMFRelay, "info-dtmf": DTMFPlain, "inband": DTMFTones}[c.DTMF]
	to.Rel100 = map[string]Rel100{"off": Rel100Off, "supported": Rel100Supported, "required": Rel100Required}[c.Rel100]
}

// sendsText puts a message on the wire as it is written.
func (p *player) sendsText(from *peer, lines []string, lf bool) {
	text := strings.Join(lines, "\r\n")
	if head, ok := strings.CutSuffix(text, "{offer}"); ok {
		sdp := string(from.sdp("", false))
		text = head + "Content-Type: application/sdp\r\n\r\n" + sdp
	}
	if !strings.Contains(text, "\r\n\r\n") {
		text += "\r\n\r\n"
	}
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	body = strings.Replace(body, "{sdp}", string(from.sdp("", false)), 1)
	if text = head + "\r\n\r\n" + body; lf {
		text = strings.ReplaceAll(head, "\r\n", "\n") + "\n\n" + body
	}
	if m, v := wire.Read([]byte(text), wire.CanonOptions{LFOnly: lf}); v.Status == 0 && m.Method == wire.INVITE {
		from.caller, from.callID, from.seq, from.invSeq = true, m.CallID, m.CSeq.Seq, m.CSeq.Seq
		from.local, from.remote, from.target, from.invite, from.branch = m.From, m.To, m.URI, m, m.Branch()
	}
	p.core.Receive(from.flow, []byte(text))
	synctest.Wait()
}

// getsText is the next message of a peer, made comparable.
func (p *player) getsText(to *peer, withSDP bool) []string {
	var m *wire.Message
	var raw []byte
	p.record(func() {
		for len(to.inbox) > 0 && (m == nil || m.Status == 100 || to.seen[m.Branch()] && repeats(m)) {
			m, to.inbox = to.inbox[0], to.inbox[1:]
			raw = to.raw[m]
		}
	})
	if m == nil || m.Status == 100 || to.seen[m.Branch()] && repeats(m) {
		return nil
	}
	to.seen[m.Branch()] = true
	to.heard(m)
	lines := maskedLines(m, raw)
	if withSDP && hasSDP(m) {
		sdp := sessionID.ReplaceAllString(string(m.Body), "o=- <id> $1 ")
		lines = append(lines[:len(lines)-1], strings.Split(strings.TrimSuffix(sdp, "\r\n"), "\r\n")...)
	}
	return lines
}

// says sends what a line of a flow names, with an SDP as it is written.
func (p *player) says(from *peer, what string, words, lines []string) {
	o := parseOptions(append(words, "nosdp"))
	m := p.build(from, what, o)
	m.Fields = append(m.Fields, o.headers...)
	sdp := strings.Join(lines, "\r\n") + "\r\n"
	if sdp == "{sdp}\r\n" {
		sdp = string(from.sdp("", m.Status != 0))
	}
	m.ContentType, m.Body = sdpType, []byte(sdp)
	from.send(m)
	synctest.Wait()
}

// sessionID is drawn at random; the version behind it is not.
var sessionID = regexp.MustCompile(`o=- \d+ (\d+) `)

var contentLength = regexp.MustCompile(`(?m)^(Content-Length|l): \d+\r\n`)

// random are values beside tags that are drawn at random.
var random = regexp.MustCompile(`(RSeq: )\d+|((?:cnonce|response|icid-value)=)"[^"]+"`)

// maskedLines are the lines of a message, with what the gateway has drawn at random named by what it is.
func maskedLines(m *wire.Message, raw []byte) []string {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	text := contentLength.ReplaceAllString(string(head)+"\r\n", "")
	text = random.ReplaceAllString(text, "$1$2<random>")
	mask := func(value, name string) {
		if value != "" {
			text = strings.ReplaceAll(text, value, name)
		}
	}
	if m.IsRequest() {
		mask(m.Branch(), "<branch>")
		mask(m.FromTag(), "<tag>")
	} else {
		mask(m.ToTag(), "<tag>")
	}
	if !strings.HasPrefix(m.CallID, "call-") { // of a peer's call
		mask(m.CallID, "<call-id>")
	}
	if hasSDP(m) {
		text += "{sdp}"
	} else if len(body) > 0 {
		text += "\r\n" + string(body)
	}
	return strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
}
