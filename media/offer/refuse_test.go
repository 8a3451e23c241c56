package offer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/tests/cputime"
)

// statusOf is the status of a refusal, 0 for none.
func statusOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is no *Error", err)
	}
	return e.Status
}

// snapshot copies a machine for comparison; slices inside are never changed in place.
func snapshot(m *Machine) Machine {
	s := *m.state
	return Machine{state: &s}
}

func unchanged(t *testing.T, name string, before, after Machine) {
	t.Helper()
	if d := cmp.Diff(before, after, compareValues, cmp.AllowUnexported(Machine{}, state{}, session{}, slot{}, cryptoLine{}, sent{}, qos{})); d != "" {
		t.Errorf("%s: the machine changed: %s", name, d)
	}
}

func TestRefusedSDPLeavesTheMachineAsItWas(t *testing.T) {
	sipp, chromium := file(t, "sipp.sdp"), file(t, "chromium.sdp")
	replace := func(text, old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in the SDP", old)
		}
		return strings.ReplaceAll(text, old, with)
	}
	address := func(a string) string { return replace(sipp, "c=IN IP4 198.51.100.9", "c=IN "+a) }
	for _, c := range []struct {
		name    string
		browser bool
		sdp     string
		want    int
	}{
		{"empty", false, "", 400},
		{"no SDP", false, "hello\r\n", 400},
		{"lines without a type", false, sipp + "x\r\n", 400},
		{"NUL", false, sipp + "a=x\x00y\r\n", 400},
		{"bare CR inside a line", false, sipp + "a=x\ra=y\r\n", 400},
		{"64 kB and one", false, sipp + "a=" + strings.Repeat("x", maxBytes), 400},
		{"33 m-lines", false, sipp + strings.Repeat("m=video 0 RTP/AVP 31\r\n", 32), 400},
		{"1 025 attributes", false, sipp + strings.Repeat("a=x\r\n", maxAttributes), 400},
		{"port 65536", false, replace(sipp, "audio 6000", "audio 65536"), 400},
		{"port is a word", false, replace(sipp, "audio 6000", "audio x"), 400},
		{"no audio", false, replace(sipp, "m=audio", "m=video"), 488},
		{"audio switched off from the start", false, replace(sipp, "audio 6000", "audio 0"), 488},
		{"no common codec", false, replace(replace(sipp, "AVP 0", "AVP 18"), "a=rtpmap:0 PCMU/8000\r\n", ""), 488},
		{"events only", false, replace(replace(sipp, "AVP 0", "AVP 101"), "rtpmap:0 PCMU", "rtpmap:101 telephone-event"), 488},
		{"SRTP to a plain trunk", false, replace(sipp, "RTP/AVP", "RTP/SAVP"), 488},
		{"browser to a trunk", false, chromium, 488},
		{"trunk to a browser", true, sipp, 488},
		{"loopback", false, address("IP4 127.0.0.1"), 488},
		{"loopback dressed up as IPv6", false, address("IP6 ::ffff:127.0.0.1"), 488},
		{"IPv6 towards an IPv4 realm", false, address("IP6 2001:db8::1"), 488},
		{"multicast", false, address("IP4 224.2.1.1/127"), 488},
		{"broadcast", false, address("IP4 255.255.255.255"), 488},
		{"link-local", false, address("IP4 169.254.1.1"), 488},
		{"this network", false, address("IP4 0.1.2.3"), 488},
		{"our own", false, address("IP4 203.0.113.9"), 488},
		{"a name", false, address("IP4 phone.example.com"), 488},
		{"no c= at all", false, replace(sipp, "c=IN IP4 198.51.100.9\r\n", ""), 488},
		{"port 22", false, replace(sipp, "audio 6000", "audio 22"), 488},
		{"no fingerprint", true, replace(chromium, "a=fingerprint:sha-256", "a=x:"), 488},
		{"SHA-1 fingerprint", true, replace(chromium, "a=fingerprint:sha-256", "a=fingerprint:sha-1"), 488},
		{"short fingerprint", true, replace(chromium, ":19:08", ""), 488},
		{"no ICE", true, replace(chromium, "a=ice-ufrag", "a=x"), 488},
		{"weak ICE password", true, replace(chromium, "8a2NUBGVnZ4ufG1eF0oWcLpT", "short"), 488},
		{"holdconn", true, replace(chromium, "setup:actpass", "setup:holdconn"), 488},
	} {
		m := newTrunk(t)
		if c.browser {
			m = newBrowser(t)
		}
		before := snapshot(m)
		text, s, err := m.Offered([]byte(c.sdp), SendRecv)
		if got := statusOf(t, err); got != c.want || text != nil || s != nil {
			t.Errorf("%s: status %d, want %d", c.name, got, c.want)
		}
		unchanged(t, c.name, before, snapshot(m))

		if c.name == "audio switched off from the start" {
			continue // as an answer it is a refusal, not an error
		}
		mustOffer(t, m, SendRecv)
		before = snapshot(m)
		if _, err := m.Answered([]byte(c.sdp)); statusOf(t, err) != c.want {
			t.Errorf("%s, as an answer: %v, want %d", c.name, err, c.want)
		}
		unchanged(t, c.name+", as an answer", before, snapshot(m))
		if _, err := m.Preview([]byte(c.sdp)); statusOf(t, err) != c.want {
			t.Errorf("%s, as a preview: %v, want %d", c.name, err, c.want)
		}
		unchanged(t, c.name+", as a preview", before, snapshot(m))
	}
}

func TestLoopbackWhereTheRealmAllowsIt(t *testing.T) {
	m := New(Config{Codecs: codecNamed(t, "PCMU"), AllowLoopback: true})
	m.SetLocal(Local{RTP: netip.MustParseAddrPort("127.0.0.1:20000"), RTCP: netip.MustParseAddrPort("127.0.0.1:20001")})
	loop := strings.ReplaceAll(file(t, "sipp.sdp"), "198.51.100.9", "127.0.0.1")
	if _, s := mustAnswer(t, m, loop, SendRecv); s.Remote.String() != "127.0.0.1:6000" {
		t.Errorf("%v", s.Remote)
	}
	for _, port := range []string{"20000", "20001"} { // a loop to our own media
		if _, _, err := m.Offered([]byte(strings.Replace(loop, "6000", port, 1)), SendRecv); statusOf(t, err) != 488 {
			t.Errorf("own port %s: %v", port, err)
		}
	}
}

func TestBadRTCPAddressCostsOnlyRTCP(t *testing.T) {
	for _, attr := range []string{"22", "6001 IN IP4 127.0.0.1", "6001 IN IP4 224.1.1.1", "0"} {
		_, s := mustAnswer(t, newTrunk(t), file(t, "sipp.sdp")+"a=rtcp:"+attr+"\r\n", SendRecv)
		if s.RemoteRTCP.IsValid() || s.Remote.String() != "198.51.100.9:6000" {
			t.Errorf("a=rtcp:%s gives %v and %v", attr, s.RemoteRTCP, s.Remote)
		}
	}
	_, s := mustAnswer(t, newTrunk(t), file(t, "sipp.sdp")+"a=rtcp:7000 IN IP4 198.51.100.10\r\n", SendRecv)
	if s.RemoteRTCP.String() != "198.51.100.10:7000" {
		t.Errorf("RTCP to %v", s.RemoteRTCP)
	}
}

func TestCandidatesBeyondFiftyAreDropped(t *testing.T) {
	text := file(t, "chromium.sdp") + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.99 5000 typ host\r\n", 1000)
	if _, s := mustAnswer(t, newBrowser(t), text, SendRecv); s.Remote.String() != "192.0.2.33:51472" {
		t.Errorf("hint %v", s.Remote)
	}
	last := strings.ReplaceAll(text, "192.0.2.33 51472 typ host", "x.local 51472 typ host")
	last = strings.ReplaceAll(last, "a=candidate:842163049", "a=x")
	last = strings.ReplaceAll(last, "192.0.2.99 5000 typ host\r\n", "y.local 5000 typ host\r\n") + "a=candidate:2 1 udp 1 192.0.2.7 5000 typ host\r\n"
	if _, s := mustAnswer(t, newBrowser(t), last, SendRecv); s.Remote.Addr().String() == "192.0.2.7" {
		t.Error("candidate 1000 was read")
	}
}

func TestCandidateHintIsNeverAForbiddenAddress(t *testing.T) {
	for _, a := range []string{"127.0.0.1 51472", "203.0.113.9 40000", "224.0.0.1 51472", "192.0.2.33 22"} {
		text := strings.ReplaceAll(file(t, "chromium.sdp"), "192.0.2.33 51472 typ host", a+" typ host")
		if _, s := mustAnswer(t, newBrowser(t), text, SendRecv); s.Remote.IsValid() {
			t.Errorf("candidate %s gives the hint %v", a, s.Remote)
		}
	}
}

// TestBombsAreRefusedInTime: 5 ms on an idle machine; the race detector makes everything slower, an offer in order included.
func TestBombsAreRefusedInTime(t *testing.T) {
	sipp := file(t, "sipp.sdp")
	cost := func(text string) (least time.Duration, err error) {
		least = time.Hour
		for range 5 {
			m := newTrunk(t)
			least = min(least, cputime.Of(t, func() { _, _, err = m.Offered([]byte(text), SendRecv) }))
		}
		return least, err
	}
	plain, _ := cost(sipp)
	bound := max(10*time.Millisecond, 1000*plain)
	for name, text := range map[string]string{
		"10 000 m-lines": sipp + strings.Repeat("m=a 0 a\r\n", 6000),
		"5 000 fmtp":     sipp + strings.Repeat("a=fmtp:0 x\r\n", 5000),
		"1 MB line":      sipp + "a=" + strings.Repeat("a", 1<<20),
		"30 000 formats": strings.Replace(sipp, "AVP 0", "AVP 18"+strings.Repeat(" 1", 30_000), 1),
	} {
		spent, err := cost(text)
		if spent > bound {
			t.Errorf("%s: took %v, the bound is %v", name, spent, bound)
		}
		if name != "30 000 formats" && statusOf(t, err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPtimeIsClamped(t *testing.T) {
	for attr, want := range map[string]int{
		"": 20, "a=ptime:30\r\n": 30, "a=ptime:5\r\n": 10, "a=ptime:500\r\n": 60, "a=ptime:25\r\n": 20, "a=ptime:x\r\n": 20,
		"a=ptime:40\r\na=maxptime:20\r\n": 20, "a=maxptime:10\r\n": 10, "a=ptime:99999999999\r\n": 20,
	} {
		if _, s := mustAnswer(t, newTrunk(t), file(t, "sipp.sdp")+attr, SendRecv); s.PtimeMS != want {
			t.Errorf("%q: %d ms, want %d", attr, s.PtimeMS, want)
		}
	}
}

func TestWhatPeersCommonlyWriteWrongly(t *testing.T) {
	sipp := file(t, "sipp.sdp")
	for name, text := range map[string]string{
		"LF only":                       strings.ReplaceAll(sipp, "\r\n", "\n"),
		"no line end at the end":        strings.TrimSuffix(sipp, "\r\n"),
		"no rtpmap for static types":    strings.Replace(sipp, "a=rtpmap:0 PCMU/8000\r\n", "", 1),
		"unknown bandwidth":             strings.Replace(sipp, "t=0 0\r\n", "b=FOO:bar\r\nt=0 0\r\n", 1),
		"t= before c=":                  strings.Replace(strings.Replace(sipp, "t=0 0\r\n", "", 1), "s=-\r\n", "s=-\r\nt=0 0\r\n", 1),
		"c= behind the attributes":      strings.Replace(sipp, "c=IN IP4 198.51.100.9\r\n", "", 1) + "c=IN IP4 198.51.100.9\r\n",
		"unknown line type":             sipp + "y=1\r\n",
		"port range":                    strings.Replace(sipp, "6000", "6000/2", 1),
		"two rtpmaps for one type":      sipp + "a=rtpmap:0 PCMU/16000\r\n",
		"a second audio line":           sipp + "m=audio 7000 RTP/AVP 8\r\n",
		"lower-case codec name":         strings.Replace(sipp, "PCMU", "pcmu", 1),
		"blanks before the equals sign": strings.Replace(sipp, "m=audio", "m  =audio", 1),
		"blank lines":                   strings.ReplaceAll(sipp, "\r\n", "\r\n\r\n"),
		"trailing blanks behind c=":     strings.Replace(sipp, "c=IN IP4 198.51.100.9", "c=IN IP4 198.51.100.9 ", 1),
		"formats that are no numbers":   strings.Replace(sipp, "AVP 0", "AVP 0 x 999", 1),
		"no session c=, one at m=":      strings.Replace(sipp, "c=IN IP4 198.51.100.9\r\n", "", 1) + "",
		"address with a TTL":            strings.Replace(sipp, "IP4 198.51.100.9\r\nt", "IP4 198.51.100.9/127\r\nt", 1),
		"direction in capital letters":  sipp + "a=SENDONLY\r\n",
	} {
		if name == "no session c=, one at m=" {
			text = strings.Replace(text, "AVP 0\r\n", "AVP 0\r\nc=IN IP4 198.51.100.9\r\n", 1)
		}
		_, s, err := newTrunk(t).Offered([]byte(text), SendRecv)
		if err != nil || s.Remote.String() != "198.51.100.9:6000" || s.Send.Name == "" || !s.MaySend {
			t.Errorf("%s: %v, %+v", name, err, s)
		}
	}
}
