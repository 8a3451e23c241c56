package offer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var originLine = regexp.MustCompile(`(?m)^o=(\S+) (\d+) (\d+) (.*)\r$`)

// witness watches every SDP that one machine gives out and knows the invariants of sip.md section 6.
type witness struct {
	t       *testing.T
	profile Profile
	version string
	body    string // without the version
	text    string
	types   map[string]string // payload type -> rtpmap
	count   int
}

func (w *witness) sees(text string) {
	w.t.Helper()
	o := originLine.FindStringSubmatch(text)
	if o == nil {
		w.t.Fatalf("no o= line:\n%s", text)
	}
	body := strings.Replace(text, o[0], "o="+o[1]+" "+o[2]+" "+o[4], 1)
	w.count++
	switch {
	case o[1] != "-" || o[2] != "42":
		w.t.Fatalf("o= changed: %s", o[0])
	case body == w.body && text != w.text:
		w.t.Fatalf("nothing changed but the version:\n%s", text)
	case body != w.body && w.version != "" && fmt.Sprint(number(w.version)+1) != o[3]:
		w.t.Fatalf("version %s after %s", o[3], w.version)
	}
	w.version, w.body, w.text = o[3], body, text
	w.neverSent(text)
	w.meanings(text)
}

func (w *witness) neverSent(text string) {
	w.t.Helper()
	for _, word := range []string{"0.0.0.0", "ssrc", "msid", "extmap", "crypto", "\r\r", "\n\n"} {
		if strings.Contains(text, word) {
			w.t.Fatalf("%q in\n%s", word, text)
		}
	}
	live := !strings.Contains(text, "m=audio 0 ")
	for _, word := range []string{"a=ice-ufrag:gate\r", "a=rtcp-mux\r", "a=mid:0\r", "a=group:BUNDLE 0\r", "a=fingerprint:" + fingerprint, "a=setup:"} {
		if has := strings.Contains(text, word); has != (w.profile == WebRTC) && live {
			w.t.Fatalf("%q is there: %v\n%s", word, has, text)
		}
	}
}

// meanings holds that no payload type ever gets a second one.
func (w *witness) meanings(text string) {
	w.t.Helper()
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "a=rtpmap:")
		if !ok {
			continue
		}
		pt, codec, _ := strings.Cut(rest, " ")
		if was, ok := w.types[pt]; ok && was != codec {
			w.t.Fatalf("payload type %s was %s and is %s", pt, was, codec)
		}
		w.types[pt] = codec
	}
}

func number(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

// sameShape holds that an answer has the offer's m-lines: number, order, kind, transport, mid.
func sameShape(t *testing.T, offer, answer string) {
	t.Helper()
	shape := func(text string) (out []string) {
		for line := range strings.Lines(text) {
			if f := strings.Fields(line); strings.HasPrefix(line, "m=") {
				out = append(out, f[0]+" "+f[2])
			} else if strings.HasPrefix(line, "a=mid:") {
				out = append(out, f[0])
			}
		}
		return out
	}
	if !slices.Equal(shape(offer), shape(answer)) {
		t.Fatalf("m-lines differ:\n%s\n%s", offer, answer)
	}
}

// agreeing holds that both ends understand the same.
func agreeing(t *testing.T, a, b *Stream) {
	t.Helper()
	if a.Refused != b.Refused {
		t.Fatalf("one end believes in a stream:\n%+v\n%+v", a, b)
	}
	if a.MaySend != b.MayRecv || a.MayRecv != b.MaySend {
		t.Fatalf("directions: %v/%v and %v/%v", a.MaySend, a.MayRecv, b.MaySend, b.MayRecv)
	}
	for _, c := range [][2]Codec{{a.Send, b.Recv}, {a.Recv, b.Send}, {a.SendEvent, b.RecvEvent}, {a.RecvEvent, b.SendEvent}} {
		if c[0].PT != c[1].PT || !c[0].Same(c[1]) {
			t.Fatalf("%+v is sent as %+v", c[1], c[0])
		}
	}
}

// TestRandomSequences lets a machine and a peer, itself a machine with other codecs and numbers, play random legal sequences of offers,
// answers, refusals, glare, previews, moves and rubbish. The invariants hold after every step.
func TestRandomSequences(t *testing.T) {
	for _, profile := range []Profile{RTP, WebRTC} {
		for seed := range uint64(60) {
			p := newPlay(t, profile, rand.New(rand.NewPCG(seed, uint64(profile))))
			for range 60 {
				p.step()
			}
			if p.seen.count < 20 {
				t.Fatalf("seed %d: only %d SDP seen", seed, p.seen.count)
			}
		}
	}
}

type play struct {
	t      *testing.T
	random *rand.Rand
	m, far *Machine
	seen   *witness
	port   uint16
}

func newPlay(t *testing.T, profile Profile, random *rand.Rand) *play {
	p := &play{t: t, random: random, port: 30000, seen: &witness{t: t, profile: profile, types: map[string]string{}}}
	names := []string{"opus", "PCMU", "PCMA", "G722"}
	random.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
	peer := codecNamed(t, names...)
	for i := range peer {
		if peer[i].PT >= dynamicFirst {
			peer[i].PT = uint8(dynamicFirst + random.IntN(32))
		}
	}
	p.m = New(Config{Profile: profile, Codecs: codecNamed(t, "opus", "PCMA", "PCMU"), SessionID: 42})
	p.far = New(Config{Profile: profile, Codecs: peer, SessionID: 7})
	p.m.SetLocal(Local{
		RTP: netip.MustParseAddrPort("203.0.113.9:20000"), Ufrag: "gate", Pwd: ourPwd, Fingerprint: fingerprint,
	})
	p.move()
	return p
}

// move gives the peer a new port.
func (p *play) move() {
	p.port += 2
	p.far.SetLocal(Local{
		RTP:   netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), p.port),
		Ufrag: "farx", Pwd: "0123456789abcdef0123456789", Fingerprint: strings.ReplaceAll(fingerprint, "FF", "EE"),
	})
}

func (p *play) direction() Direction { return Direction(p.random.IntN(4)) }

func (p *play) step() {
	p.m.pack() // at any moment
	switch p.random.IntN(9) {
	case 0, 1:
		p.weOffer()
	case 2, 3:
		p.theyOffer()
	case 4:
		p.refusedOffer()
	case 5:
		p.glare()
	case 6:
		p.rubbish()
	case 7:
		p.move()
	case 8:
		p.m.Prefer([]string{"PCMU", "opus", "PCMA"}[p.random.IntN(3)])
	}
}

func (p *play) offer() string {
	propose := p.m.Offer
	if p.random.IntN(4) == 0 {
		propose = p.m.OfferAll
	}
	b, err := propose(p.direction())
	if err != nil {
		p.t.Fatal(err)
	}
	p.seen.sees(string(b))
	return string(b)
}

func (p *play) weOffer() {
	offer := p.offer()
	answer, theirs := mustAnswer(p.t, p.far, offer, p.direction())
	sameShape(p.t, offer, answer)
	if p.random.IntN(2) == 0 {
		if _, err := p.m.Preview([]byte(answer)); err != nil {
			p.t.Fatal(err)
		}
	}
	ours, err := p.m.Answered([]byte(answer))
	if err != nil {
		p.t.Fatalf("%v\n%s\n%s", err, offer, answer)
	}
	agreeing(p.t, ours, theirs)
}

func (p *play) theyOffer() {
	offer := mustOffer(p.t, p.far, p.direction())
	answer, ours := mustAnswer(p.t, p.m, offer, p.direction())
	p.seen.sees(answer)
	sameShape(p.t, offer, answer)
	theirs, err := p.far.Answered([]byte(answer))
	if err != nil {
		p.t.Fatalf("%v\n%s\n%s", err, offer, answer)
	}
	agreeing(p.t, theirs, ours)
	again, same := mustAnswer(p.t, p.m, offer, directionOf(ours.MaySend, ours.MayRecv))
	p.seen.sees(again)
	if again != answer || *same != *ours {
		p.t.Fatalf("a repeated offer is answered otherwise:\n%s\n%s", answer, again)
	}
}

func (p *play) refusedOffer() {
	before := p.m.Current()
	local, remote := p.m.Texts()
	p.offer()
	p.m.Cancel()
	l, r := p.m.Texts()
	if *p.m.Current() != *before || string(l) != string(local) || r != remote {
		p.t.Fatal("a refused offer changed what was agreed")
	}
}

func (p *play) glare() {
	offer := mustOffer(p.t, p.far, SendRecv)
	p.offer()
	p.m.wake()
	before := snapshot(p.m)
	if _, _, err := p.m.Offered([]byte(offer), SendRecv); !errors.Is(err, ErrGlare) {
		p.t.Fatalf("glare: %v", err)
	}
	unchanged(p.t, "glare", before, snapshot(p.m))
	p.m.Cancel()
	p.far.Cancel()
}

// rubbish is an offer with one byte range cut out; it may be legal still, but an error must leave no trace.
func (p *play) rubbish() {
	offer := mustOffer(p.t, p.far, SendRecv)
	p.far.Cancel()
	from := p.random.IntN(len(offer))
	to := min(from+p.random.IntN(40), len(offer))
	p.m.wake()
	before := snapshot(p.m)
	if _, _, err := p.m.Offered([]byte(offer[:from]+"\x01"+offer[to:]), SendRecv); err == nil {
		p.t.Fatal("a control character was accepted")
	}
	unchanged(p.t, "rubbish", before, snapshot(p.m))
}
