package offer

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	fingerprint = "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	ourPwd      = "gatewaypasswordof24chars"
)

var compareValues = cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}), cmpopts.EquateEmpty()}

func codecNamed(t testing.TB, names ...string) []Codec {
	t.Helper()
	var out []Codec
	for _, n := range names {
		c, ok := Lookup(n)
		if !ok {
			t.Fatalf("codec %q unknown", n)
		}
		out = append(out, c)
	}
	return out
}

// newTrunk is a machine towards a telephone: PCMA before PCMU.
func newTrunk(t testing.TB) *Machine {
	m := New(Config{Codecs: codecNamed(t, "PCMA", "PCMU"), SessionID: 42})
	m.SetLocal(Local{RTP: netip.MustParseAddrPort("203.0.113.9:20000"), RTCP: netip.MustParseAddrPort("203.0.113.9:20001")})
	return m
}

// newBrowser is a machine towards a browser: Opus, then G.711.
func newBrowser(t testing.TB) *Machine {
	m := New(Config{Profile: WebRTC, Codecs: codecNamed(t, "opus", "PCMU", "PCMA"), SessionID: 42})
	m.SetLocal(Local{RTP: netip.MustParseAddrPort("203.0.113.9:40000"), Ufrag: "gate", Pwd: ourPwd, Fingerprint: fingerprint})
	return m
}

// file reads an SDP of testdata with the line ends of the wire.
func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

// crlf turns a readable literal into SDP.
func crlf(s string) string { return strings.ReplaceAll(strings.TrimLeft(s, "\n"), "\n", "\r\n") }

func mustOffer(t testing.TB, m *Machine, d Direction) string {
	t.Helper()
	b, err := m.Offer(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mustAnswer(t testing.TB, m *Machine, offer string, like Direction) (string, *Stream) {
	t.Helper()
	b, s, err := m.Offered([]byte(offer), like)
	if err != nil {
		t.Fatalf("%v\n%s", err, offer)
	}
	return string(b), s
}

func TestOfferToTrunk(t *testing.T) {
	want := crlf(`
v=0
o=- 42 1 IN IP4 203.0.113.9
s=-
c=IN IP4 203.0.113.9
t=0 0
m=audio 20000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
`)
	if d := cmp.Diff(want, mustOffer(t, newTrunk(t), SendRecv)); d != "" {
		t.Error(d)
	}
}

func TestOfferToBrowser(t *testing.T) {
	want := crlf(`
v=0
o=- 42 1 IN IP4 203.0.113.9
s=-
c=IN IP4 203.0.113.9
t=0 0
a=ice-lite
a=group:BUNDLE 0
m=audio 40000 UDP/TLS/RTP/SAVPF 111 0 8 110 126
a=mid:0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1;stereo=0;maxplaybackrate=8000;sprop-maxcapturerate=8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ice-ufrag:gate
a=ice-pwd:` + ourPwd + `
a=fingerprint:` + fingerprint + `
a=setup:actpass
a=rtcp-mux
a=candidate:1 1 udp 2130706431 203.0.113.9 40000 typ host
a=end-of-candidates
a=sendrecv
`)
	if d := cmp.Diff(want, mustOffer(t, newBrowser(t), SendRecv)); d != "" {
		t.Error(d)
	}
}

func TestAnswerToChromium(t *testing.T) {
	got, s := mustAnswer(t, newBrowser(t), file(t, "chromium.sdp"), SendRecv)
	want := crlf(`
v=0
o=- 42 1 IN IP4 203.0.113.9
s=-
c=IN IP4 203.0.113.9
t=0 0
a=ice-lite
a=group:BUNDLE 0
m=audio 40000 UDP/TLS/RTP/SAVPF 111 110
a=mid:0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1;stereo=0;maxplaybackrate=8000;sprop-maxcapturerate=8000
a=rtpmap:110 telephone-event/48000
a=ice-ufrag:gate
a=ice-pwd:` + ourPwd + `
a=fingerprint:` + fingerprint + `
a=setup:passive
a=rtcp-mux
a=candidate:1 1 udp 2130706431 203.0.113.9 40000 typ host
a=end-of-candidates
a=sendrecv
`)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	opus := Codec{Name: "opus", PT: 111, Clock: 48000, Channels: 2}
	sent, received := opus, opus
	sent.Fmtp, received.Fmtp = "minptime=10;useinbandfec=1", opusFmtp(8000)
	event := Codec{Name: "telephone-event", PT: 110, Clock: 48000, Channels: 1}
	if d := cmp.Diff(&Stream{
		Local:  Local{RTP: netip.MustParseAddrPort("203.0.113.9:40000"), Ufrag: "gate", Pwd: ourPwd, Fingerprint: fingerprint},
		Remote: netip.MustParseAddrPort("192.0.2.33:51472"),
		Send:   sent, Recv: received, SendEvent: event, RecvEvent: event,
		MaySend: true, MayRecv: true, PtimeMS: 20,
		ICE:         ICE{Ufrag: "kQ7x", Pwd: "8a2NUBGVnZ4ufG1eF0oWcLpT"},
		Fingerprint: "sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08",
		Setup:       SetupPassive, Mux: true, FMTP: "minptime=10;useinbandfec=1",
	}, s, compareValues); d != "" {
		t.Error(d)
	}
}

func TestAnswerToFirefoxRefusesVideoAndDataInPlace(t *testing.T) {
	got, s := mustAnswer(t, newBrowser(t), file(t, "firefox.sdp"), SendRecv)
	for _, want := range []string{
		"m=audio 40000 UDP/TLS/RTP/SAVPF 109 101\r\na=mid:0\r\na=rtpmap:109 opus/48000/2",
		"a=rtpmap:101 telephone-event/8000\r\n",
		"\r\nm=video 0 UDP/TLS/RTP/SAVPF 120\r\na=mid:1\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n",
		"a=group:BUNDLE 0\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("answer lacks %q:\n%s", want, got)
		}
	}
	if s.Remote.IsValid() {
		t.Errorf("a hint %v out of nothing", s.Remote)
	}
	if s.SendEvent.PT != 101 || s.SendEvent.Clock != 8000 || !s.MaySend {
		t.Errorf("%+v", s)
	}
}

func TestAnswersToTrunks(t *testing.T) {
	type answer struct {
		MLines               string
		Send, Recv           string
		SendEvent, RecvEvent uint8
		Remote, RTCP         string
		Ptime                int
	}
	for _, c := range []struct {
		file   string
		prefer []string
		want   answer
	}{
		{"sipp.sdp", nil, answer{"m=audio 20000 RTP/AVP 0", "PCMU", "PCMU", 0, 0, "198.51.100.9:6000", "198.51.100.9:6001", 20}},
		{"baresip.sdp", nil, answer{"m=audio 20000 RTP/AVP 8 97", "PCMA", "PCMA", 97, 97, "198.51.100.20:27816", "198.51.100.20:27817", 20}},
		{
			"baresip.sdp", []string{"pcmu", "nonsense"},
			answer{"m=audio 20000 RTP/AVP 0 97", "PCMU", "PCMU", 97, 97, "198.51.100.20:27816", "198.51.100.20:27817", 20},
		},
		{
			"t38.sdp", nil,
			answer{"m=audio 20000 RTP/AVP 8 101|m=image 0 udptl t38", "PCMA", "PCMA", 101, 101, "198.51.100.41:17000", "198.51.100.41:17001", 30},
		},
	} {
		m := newTrunk(t)
		if c.prefer != nil {
			m.Prefer(c.prefer...)
		}
		text, s := mustAnswer(t, m, file(t, c.file), SendRecv)
		got := answer{
			strings.Join(mlines(text), "|"), s.Send.Name, s.Recv.Name, s.SendEvent.PT, s.RecvEvent.PT,
			s.Remote.String(), s.RemoteRTCP.String(), s.PtimeMS,
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.file, d)
		}
	}
}

func mlines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "m=") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func TestNothingOfTheBrowserIsInOurSDP(t *testing.T) {
	browser, trunk := newBrowser(t), newTrunk(t)
	offer := file(t, "chromium.sdp")
	answer, _ := mustAnswer(t, browser, offer, SendRecv)
	for _, text := range []string{answer, mustOffer(t, trunk, SendRecv), mustOffer(t, browser, SendRecv)} {
		for _, word := range []string{"ssrc", "msid", "extmap", "rtcp-fb", "192.0.2.33", "kQ7x", "7B:8B", "red/", " 63", "CN/", "4611731400430051336"} {
			if strings.Contains(text, word) {
				t.Errorf("%q leaked into\n%s", word, text)
			}
		}
	}
	for _, word := range []string{"ice", "fingerprint", "mux", "BUNDLE", "mid", "setup", "candidate"} {
		if text := mustOffer(t, newTrunk(t), SendRecv); strings.Contains(text, word) {
			t.Errorf("%q in an offer to a trunk:\n%s", word, text)
		}
	}
}

func TestHoldInAllItsForms(t *testing.T) {
	const session, media = 1, 2
	for _, c := range []struct {
		name       string
		attr       string
		level      int
		conn       string
		like       Direction
		want       string
		send, recv bool
	}{
		{"no attribute", "", 0, "198.51.100.9", SendRecv, "sendrecv", true, true},
		{"sendonly", "sendonly", media, "198.51.100.9", SendRecv, "recvonly", false, true},
		{"inactive", "inactive", media, "198.51.100.9", SendRecv, "inactive", false, false},
		{"recvonly", "recvonly", media, "198.51.100.9", SendRecv, "sendonly", true, false},
		{"sendonly at session level", "sendonly", session, "198.51.100.9", SendRecv, "recvonly", false, true},
		{"inactive at session level", "inactive", session, "198.51.100.9", SendRecv, "inactive", false, false},
		{"old hold", "", 0, "0.0.0.0", SendRecv, "recvonly", false, true},
		{"old hold, sendonly", "sendonly", media, "0.0.0.0", SendRecv, "recvonly", false, true},
		{"old hold, inactive", "inactive", media, "0.0.0.0", SendRecv, "inactive", false, false},
		{"old hold, recvonly", "recvonly", media, "0.0.0.0", SendRecv, "inactive", false, false},
		{"both on hold", "sendonly", media, "198.51.100.9", SendOnly, "inactive", false, false},
		{"we hold", "", 0, "198.51.100.9", SendOnly, "sendonly", true, false},
		{"we want nothing", "sendrecv", media, "198.51.100.9", Inactive, "inactive", false, false},
	} {
		m := newTrunk(t)
		mustAnswer(t, m, file(t, "sipp.sdp"), SendRecv)
		text := strings.ReplaceAll(file(t, "sipp.sdp"), "c=IN IP4 198.51.100.9", "c=IN IP4 "+c.conn)
		switch c.level {
		case session:
			text = strings.Replace(text, "t=0 0\r\n", "t=0 0\r\na="+c.attr+"\r\n", 1)
		case media:
			text += "a=" + c.attr // the last line has no line end
		}
		got, s := mustAnswer(t, m, text, c.like)
		if !strings.HasSuffix(got, "\r\na="+c.want+"\r\n") {
			t.Errorf("%s: want %s in\n%s", c.name, c.want, got)
		}
		if s.MaySend != c.send || s.MayRecv != c.recv {
			t.Errorf("%s: may send %v, may receive %v", c.name, s.MaySend, s.MayRecv)
		}
		if strings.Contains(got, "0.0.0.0") || s.Remote.String() != "198.51.100.9:6000" {
			t.Errorf("%s: remote %v\n%s", c.name, s.Remote, got)
		}
	}
}

func TestMediaLevelDirectionWins(t *testing.T) {
	text := strings.Replace(file(t, "sipp.sdp"), "t=0 0\r\n", "t=0 0\r\na=inactive\r\n", 1) + "a=sendonly\r\n"
	if got, _ := mustAnswer(t, newTrunk(t), text, SendRecv); !strings.Contains(got, "a=recvonly\r\n") {
		t.Error(got)
	}
}

func TestZeroAddressIsNoHoldInWebRTC(t *testing.T) {
	if _, s := mustAnswer(t, newBrowser(t), file(t, "firefox.sdp"), SendRecv); !s.MaySend || !s.MayRecv {
		t.Errorf("%+v", s)
	}
}

func TestHoldByPortZeroAndBack(t *testing.T) {
	m := newTrunk(t)
	first, _ := mustAnswer(t, m, file(t, "sipp.sdp"), SendRecv)
	got, s := mustAnswer(t, m, strings.Replace(file(t, "sipp.sdp"), "audio 6000", "audio 0", 1), SendRecv)
	if d := cmp.Diff([]string{"m=audio 0 RTP/AVP 0"}, mlines(got)); d != "" || !s.Refused || s.MaySend || s.MayRecv {
		t.Errorf("%s %+v", d, s)
	}
	back, s := mustAnswer(t, m, file(t, "sipp.sdp"), SendRecv)
	if want := strings.Replace(first, "o=- 42 1", "o=- 42 3", 1); back != want || s.Refused {
		t.Errorf("want\n%s\ngot\n%s", want, back)
	}
}

func TestRefreshRepeatsTheBytes(t *testing.T) {
	trunk := newTrunk(t)
	first, one := mustAnswer(t, trunk, file(t, "baresip.sdp"), SendRecv)
	again, two := mustAnswer(t, trunk, file(t, "baresip.sdp"), SendRecv)
	// An old version with a changed body is served, a new version with the same body changes nothing.
	newer, three := mustAnswer(t, trunk, strings.Replace(file(t, "baresip.sdp"), " 1783205421 ", " 1783205422 ", 1), SendRecv)
	ours := mustOffer(t, trunk, SendRecv)
	if first != again || first != newer || first != ours || *one != *two || *one != *three {
		t.Errorf("the SDP changed:\n%s\n%s\n%s\n%s", first, again, newer, ours)
	}
	trunk.Cancel()
	if held := mustOffer(t, trunk, SendOnly); !strings.Contains(held, "o=- 42 2 ") || !strings.Contains(held, "a=sendonly") {
		t.Errorf("hold without a new version:\n%s", held)
	}

	browser := newBrowser(t)
	mustAnswer(t, browser, file(t, "chromium.sdp"), SendRecv)
	offer := mustOffer(t, browser, SendRecv)
	browser.Cancel()
	if next := mustOffer(t, browser, SendRecv); offer != next {
		t.Errorf("repeated offer differs:\n%s\n%s", offer, next)
	}
}

func TestAnswerFromTrunk(t *testing.T) {
	for _, c := range []struct {
		name, media string
		send, event uint8
		codec       string
		events      bool
	}{
		{"one codec", "m=audio 6000 RTP/AVP 0", 0, 0, "PCMU", false},
		{"with events", "m=audio 6000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000", 8, 101, "PCMA", true},
		{"events without rtpmap", "m=audio 6000 RTP/AVP 8 101", 8, 101, "PCMA", true},
		{"events at its own type", "m=audio 6000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000", 0, 96, "PCMU", true},
		{"several: its first that we offered", "m=audio 6000 RTP/AVP 18 0 8", 0, 0, "PCMU", false},
		{"events first", "m=audio 6000 RTP/AVP 101 8", 8, 101, "PCMA", true},
		{"a static type keeps its codec", "m=audio 6000 RTP/AVP 0\na=rtpmap:0 G722/8000", 0, 0, "PCMU", false},
		{"channel written out", "m=audio 6000 RTP/AVP 8\na=rtpmap:8 pcma/8000/1", 8, 0, "PCMA", false},
	} {
		m := newTrunk(t)
		mustOffer(t, m, SendRecv)
		s, err := m.Answered([]byte(crlf("v=0\no=- 1 1 IN IP4 198.51.100.9\ns=-\nc=IN IP4 198.51.100.9\nt=0 0\n" + c.media + "\n")))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Send.PT != c.send || s.SendEvent.PT != c.event || s.Recv.Name != c.codec || (s.RecvEvent.PT == 101) != c.events {
			t.Errorf("%s: %+v", c.name, s)
		}
		if m.Open() != Stable {
			t.Errorf("%s: the offer is still open", c.name)
		}
	}
}

func TestAnswerFromBrowserChoosesTheRole(t *testing.T) {
	for setup, want := range map[string]Setup{"active": SetupPassive, "passive": SetupActive, "actpass": SetupPassive} {
		m := newBrowser(t)
		mustOffer(t, m, SendRecv)
		s, err := m.Answered([]byte(strings.Replace(file(t, "chromium.sdp"), "setup:actpass", "setup:"+setup, 1)))
		if err != nil || s.Setup != want || !s.Mux {
			t.Errorf("%s: %v, %+v", setup, err, s)
		}
	}
}

// Chromium sends what the offer has first, although its page has put another codec first into the answer.
func TestOurOrderHoldsForABrowsersAnswer(t *testing.T) {
	answer := strings.Replace(file(t, "chromium.sdp"), "setup:actpass", "setup:active", 1)
	for _, want := range []string{"PCMU", "PCMA", "opus"} {
		m := newBrowser(t)
		m.Prefer(want)
		mustOffer(t, m, SendRecv)
		s, err := m.Answered([]byte(answer))
		if err != nil || s.Recv.Name != want || s.Send.Name != want {
			t.Errorf("offered %s first: %v, %+v", want, err, s)
		}
	}
}

func TestDTLSRoleStays(t *testing.T) {
	m := newBrowser(t)
	_, s := mustAnswer(t, m, strings.Replace(file(t, "chromium.sdp"), "setup:actpass", "setup:passive", 1), SendRecv)
	if s.Setup != SetupActive {
		t.Fatalf("role %d towards a peer that insists on being the server", s.Setup)
	}
	if text, s := mustAnswer(t, m, file(t, "chromium.sdp"), SendRecv); s.Setup != SetupActive || !strings.Contains(text, "a=setup:active") {
		t.Errorf("role changed to %d in mid-call\n%s", s.Setup, text)
	}
}

func TestEventBesideTheChosenCodec(t *testing.T) {
	m := newBrowser(t)
	m.Prefer("PCMA")
	text, s := mustAnswer(t, m, file(t, "chromium.sdp"), SendRecv)
	if d := cmp.Diff([]string{"m=audio 40000 UDP/TLS/RTP/SAVPF 8 126"}, mlines(text)); d != "" || s.SendEvent.Clock != 8000 {
		t.Errorf("%s %+v", d, s)
	}
}

func TestPreviewThenAnswer(t *testing.T) {
	m := newTrunk(t)
	mustOffer(t, m, SendRecv)
	if _, err := m.Settle(); !errors.Is(err, ErrNoOffer) {
		t.Errorf("settled without a preview: %v", err)
	}
	early, err := m.Preview([]byte(file(t, "sipp.sdp")))
	if err != nil || m.Open() != LocalOffer {
		t.Fatalf("%v, %v", err, m.Open())
	}
	if local, _ := m.Texts(); *m.Current() != (Stream{}) || local != nil {
		t.Error("a preview counts as agreed")
	}
	final, err := m.Answered([]byte(file(t, "sipp.sdp")))
	if err != nil || *final != *early {
		t.Errorf("%v\n%+v\n%+v", err, early, final)
	}

	m = newTrunk(t)
	mustOffer(t, m, SendRecv)
	if _, err := m.Preview([]byte(file(t, "sipp.sdp"))); err != nil {
		t.Fatal(err)
	}
	if s, err := m.Settle(); err != nil || *s != *early || m.Open() != Stable {
		t.Errorf("a 2xx without SDP after a preview: %v", err)
	}
}

func TestCalledAtTheWrongMoment(t *testing.T) {
	m := New(Config{Codecs: codecNamed(t, "PCMU")})
	if _, err := m.Offer(SendRecv); !errors.Is(err, ErrNoLocal) {
		t.Errorf("Offer without SetLocal: %v", err)
	}
	if _, _, err := m.Offered([]byte(file(t, "sipp.sdp")), SendRecv); !errors.Is(err, ErrNoLocal) {
		t.Errorf("Offered without SetLocal: %v", err)
	}
	m = newTrunk(t)
	if _, err := m.Answered([]byte(file(t, "sipp.sdp"))); !errors.Is(err, ErrNoOffer) {
		t.Errorf("Answered without an offer: %v", err)
	}
	mustOffer(t, m, SendRecv)
	if _, err := m.Offer(SendRecv); !errors.Is(err, ErrOpen) {
		t.Errorf("second Offer: %v", err)
	}
	if _, _, err := m.Offered([]byte(file(t, "sipp.sdp")), SendRecv); !errors.Is(err, ErrGlare) {
		t.Errorf("glare: %v", err)
	}
}

func TestCancelRestoresWhatWasAgreed(t *testing.T) {
	m := newTrunk(t)
	mustAnswer(t, m, file(t, "sipp.sdp"), SendRecv)
	s := *m.Current()
	local, remote := m.Texts()
	mustOffer(t, m, SendOnly)
	m.Cancel()
	local2, remote2 := m.Texts()
	if s != *m.Current() || string(local) != string(local2) || remote != remote2 || m.Open() != Stable {
		t.Error("the refused offer left traces")
	}
}

func TestPeerRefusesTheStream(t *testing.T) {
	m := newTrunk(t)
	mustOffer(t, m, SendRecv)
	s, err := m.Answered([]byte(strings.Replace(file(t, "sipp.sdp"), "audio 6000", "audio 0", 1)))
	if err != nil || !s.Refused || s.Remote.IsValid() || s.MaySend || s.MayRecv {
		t.Errorf("%v %+v", err, s)
	}
}

func TestLateOfferIsFull(t *testing.T) {
	m := newTrunk(t)
	mustAnswer(t, m, file(t, "sipp.sdp"), SendRecv)
	b, err := m.OfferAll(SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"m=audio 20000 RTP/AVP 8 0 101"}, mlines(string(b))); d != "" {
		t.Error(d)
	}
}

func TestReofferKeepsForeignLines(t *testing.T) {
	m := newTrunk(t)
	mustAnswer(t, m, file(t, "t38.sdp"), SendRecv)
	if d := cmp.Diff([]string{"m=audio 20000 RTP/AVP 8 101", "m=image 0 udptl t38"}, mlines(mustOffer(t, m, SendOnly))); d != "" {
		t.Error(d)
	}
}

func TestPayloadTypesKeepTheirMeaning(t *testing.T) {
	m := New(Config{Codecs: codecNamed(t, "opus", "PCMU"), SessionID: 1})
	m.SetLocal(Local{RTP: netip.MustParseAddrPort("203.0.113.9:20000")})
	offer := func(opus, event string) string {
		return crlf("v=0\no=- 1 1 IN IP4 198.51.100.9\ns=-\nc=IN IP4 198.51.100.9\nt=0 0\nm=audio 6000 RTP/AVP " + opus + " " + event +
			"\na=rtpmap:" + opus + " opus/48000/2\na=rtpmap:" + event + " telephone-event/48000\n")
	}
	mustAnswer(t, m, offer("96", "97"), SendRecv)
	_, s := mustAnswer(t, m, offer("97", "96"), SendRecv) // the peer swaps them
	if s.Send.PT != 97 || s.SendEvent.PT != 96 {
		t.Errorf("towards the peer its own types count: %d and %d", s.Send.PT, s.SendEvent.PT)
	}
	if s.Recv.PT != 96 || s.RecvEvent.PT != 97 {
		t.Errorf("our types changed their meaning: opus %d, event %d", s.Recv.PT, s.RecvEvent.PT)
	}
}

func TestRestartIsSeen(t *testing.T) {
	m := newBrowser(t)
	offer := file(t, "chromium.sdp")
	if m.Restarts([]byte(offer)) {
		t.Error("the first offer is no restart")
	}
	before, _ := mustAnswer(t, m, offer, SendRecv)
	if m.Restarts([]byte(offer)) {
		t.Error("the same credentials are no restart")
	}
	restart := strings.Replace(offer, "ice-ufrag:kQ7x", "ice-ufrag:new1", 1)
	if !m.Restarts([]byte(restart)) {
		t.Error("other credentials are a restart")
	}
	fresh := ICE{Ufrag: "gat2", Pwd: strings.Repeat("p", 24)}
	after, s, err := m.Renewed([]byte(restart), SendRecv, fresh)
	want := strings.NewReplacer("o=- 42 1", "o=- 42 2", "ufrag:gate", "ufrag:gat2", ourPwd, fresh.Pwd).Replace(before)
	if d := cmp.Diff(want, string(after)); d != "" || err != nil || s.ICE.Ufrag != "new1" || s.Local.Ufrag != fresh.Ufrag || s.Local.Pwd != fresh.Pwd {
		t.Error(d, err)
	}
	if m.Restarts([]byte(restart)) {
		t.Error("what has been agreed is no restart any more")
	}
	again, err := m.Offer(SendRecv)
	if err != nil || !strings.Contains(string(again), "ufrag:gat2") {
		t.Errorf("our own offer goes back to the former credentials: %v\n%s", err, again)
	}
}

// A restart that cannot be answered changes nothing: the next answer shows the credentials of before, byte for byte.
func TestRestartRefused(t *testing.T) {
	m := newBrowser(t)
	first := file(t, "chromium.sdp")
	before, _ := mustAnswer(t, m, first, SendRecv)
	restart := strings.Replace(first, "ice-ufrag:kQ7x", "ice-ufrag:new1", 1)
	for name, sdp := range map[string]string{
		"no fingerprint": strings.Replace(restart, "a=fingerprint:", "a=x:", 1),
		"short password": strings.Replace(restart, "a=ice-pwd:", "a=ice-pwd:short\r\na=x:", 1),
		"not SDP":        "v=1",
	} {
		state := snapshot(m)
		if _, _, err := m.Renewed([]byte(sdp), SendRecv, ICE{Ufrag: "gat2", Pwd: strings.Repeat("p", 24)}); err == nil {
			t.Errorf("%s: answered", name)
		}
		unchanged(t, name, state, snapshot(m))
	}
	if after, s := mustAnswer(t, m, first, SendRecv); after != before || s.Local.Ufrag != "gate" {
		t.Errorf("credentials of a refused restart stay behind:\n%s", after)
	}
}

// While the audio is switched off nothing is restarted; what it comes back with is compared with what there was before.
func TestRestartOfAudioThatWasOff(t *testing.T) {
	m := newBrowser(t)
	first := file(t, "chromium.sdp")
	mustAnswer(t, m, first, SendRecv)
	restart := strings.Replace(first, "ice-ufrag:kQ7x", "ice-ufrag:new1", 1)
	off := strings.NewReplacer("m=audio 51472 ", "m=audio 0 ", "a=group:BUNDLE 0", "a=x").Replace(restart)
	if m.Restarts([]byte(off)) {
		t.Error("a restart of audio that is switched off")
	}
	if _, s := mustAnswer(t, m, off, SendRecv); !s.Refused {
		t.Fatalf("not switched off: %+v", s)
	}
	if m.Restarts([]byte(first)) || !m.Restarts([]byte(restart)) {
		t.Error("the credentials of before are forgotten")
	}
}

func TestShared(t *testing.T) {
	m := newTrunk(t)
	if m.Shared() != nil {
		t.Error("nobody has offered anything")
	}
	mustAnswer(t, m, file(t, "baresip.sdp"), SendRecv)
	if shared := m.Shared(); len(shared) != 2 || shared[0].Name != "PCMA" || shared[1].Name != "PCMU" {
		t.Errorf("%v", shared)
	}
}

func TestPreferKeepsTheCallersSlice(t *testing.T) {
	c := Config{Codecs: codecNamed(t, "opus", "PCMU", "PCMA")}
	p := c.Prefer("PCMA", "pcmu")
	if p.Codecs[0].Name != "PCMA" || p.Codecs[1].Name != "PCMU" || p.Codecs[2].Name != "opus" || c.Codecs[0].Name != "opus" {
		t.Errorf("%v from %v", p.Codecs, c.Codecs)
	}
}

func TestAnswerNeverWidensOurHold(t *testing.T) {
	for _, c := range []struct {
		ours       Direction
		theirs     string
		send, recv bool
	}{
		{SendOnly, "sendrecv", true, false}, // telephones that answer a hold as if it were none
		{Inactive, "sendrecv", false, false},
		{RecvOnly, "sendrecv", false, true},
		{SendOnly, "recvonly", true, false},
		{SendRecv, "recvonly", true, false},
		{SendRecv, "sendonly", false, true},
		{SendRecv, "inactive", false, false},
	} {
		m := newTrunk(t)
		mustOffer(t, m, c.ours)
		s, err := m.Answered([]byte(file(t, "sipp.sdp") + "a=" + c.theirs + "\r\n"))
		if err != nil || s.MaySend != c.send || s.MayRecv != c.recv {
			t.Errorf("%v answered %s: %v, may send %v, may receive %v", c.ours, c.theirs, err, s.MaySend, s.MayRecv)
		}
	}
}
