package tests

import (
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// Words of one side that the other side has no business to see.
var (
	browserWords = []string{
		"ice-", "fingerprint", "candidate", "msid", "extmap", "rtcp-mux", "rtcp-fb", "setup:", "opus", "ssrc", "BUNDLE", "SAVPF",
		"JsSIP", "SIP.js", "Mozilla", "Chrome", "Chromium", "HeadlessChrome", ".invalid", "WSS", "127.0.0.1", domain, "acct-",
	}
	phoneWords = []string{"phone-agent", "phone-owner", "phone-session", "carrier.test", "SIPp", gateway.PhoneAddr.String(), gateway.CarrierAddr.String(), "RTP/AVP "}
)

// Values that tell a dialog, a person or an address, wherever they are written.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?mi)^Call-ID: *(\S+)`),
	regexp.MustCompile(`(?i)[;"]?tag=([^;\s>"]+)`),
	regexp.MustCompile(`(?i)branch=([^;\s]+)`),
	regexp.MustCompile(`a=ice-(?:ufrag|pwd):([^\s\\]+)`),
	regexp.MustCompile(`a=fingerprint:sha-256 ([^\s\\]+)`),
	regexp.MustCompile(`a=candidate:\S+ \d+ \S+ \d+ (\S+) `),
	regexp.MustCompile(`cname:([^\s\\]+)`),
	regexp.MustCompile(`o=\S+ (\d+) `),
	regexp.MustCompile(`"call":"([^"]+)"`),
}

func secretsOf(text string) []string {
	var out []string
	for _, re := range secrets {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			if len(m[1]) > 3 { // shorter ones are found anywhere by chance
				out = append(out, m[1])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ownAddresses are this host's addresses beyond loopback, which a browser gathers as candidates.
func ownAddresses(t *testing.T) []string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
			out = append(out, n.IP.String())
		}
	}
	return out
}

// sealed searches every byte that reached either side of the last call for what belongs to the other.
func (s *stage) sealed(t *testing.T, run *phone.Run, media *phone.Media) {
	t.Helper()
	toPhone := run.Received() + string(media.Bytes())
	toBrowser, fromBrowser := s.page.Bytes()
	browserSecrets := secretsOf(fromBrowser)
	phoneSecrets := slices.Concat(secretsOf(run.Sent()), secretsOf(run.Received()))
	if len(browserSecrets) < 4 || len(phoneSecrets) < 4 || len(toPhone) < 1000 || len(toBrowser) < 1000 {
		t.Fatalf("too little to search: %q, %q, %d and %d bytes", browserSecrets, phoneSecrets, len(toPhone), len(toBrowser))
	}
	search(t, "the phone", toPhone, slices.Concat(browserWords, browserSecrets, ownAddresses(t)))
	search(t, "the browser", toBrowser, slices.Concat(phoneWords, phoneSecrets))
}

func search(t *testing.T, who, text string, forbidden []string) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, f := range forbidden {
		if at := find(lower, strings.ToLower(f)); at >= 0 {
			t.Errorf("%q reached %s: ...%q...", f, who, text[max(0, at-60):min(len(text), at+60)])
		}
	}
}

// byChance is the length up to which a word of letters and digits turns up inside the random tokens of a call, sooner or later: "wss" in
// every fifteenth run. Such a word counts where it stands alone.
const byChance = 7

// find returns where word is in text, -1 when it is not.
func find(text, word string) int {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return -1
		}
		at += from
		end := at + len(word)
		if len(word) > byChance || !glued(text, at) && !glued(text, end) {
			return at
		}
		from = at + 1
	}
}

// glued reports whether the bytes on both sides of an index belong to one word.
func glued(text string, at int) bool {
	return at > 0 && at < len(text) && wordByte(text[at-1]) && wordByte(text[at])
}

func wordByte(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }

func TestTheSearchFindsWhatLeaks(t *testing.T) {
	found := secretsOf("Call-ID: abcdef\r\nFrom: <sip:a@b>;tag=xyz123\r\na=ice-ufrag:Uf1x\r\n{\"call\":\"0a1b2c\"}")
	for _, want := range []string{"abcdef", "xyz123", "Uf1x", "0a1b2c"} {
		if !slices.Contains(found, want) {
			t.Errorf("%q not found in %q", want, found)
		}
	}
}

// TestTheSearchIgnoresChance: a short word inside a random token is no leak, anywhere else it is.
func TestTheSearchIgnoresChance(t *testing.T) {
	for text, leaks := range map[string]map[string]bool{
		"branch=z9hG4bK477348;rport":            {"7734": false, "477348": false, "z9hG4bK477348": true},
		"o=- 7734 1\r\n":                        {"7734": true},
		"tag=aa3wssx; 7734wss via: sip/2.0/wss": {"wss": true, "7734": false},
		"aa3opusx":                              {"opus": false},
		"a=rtpmap:111 opus/48000":               {"opus": true, "ice-": false},
		"x-abcdefgh-y abcdefghi":                {"abcdefgh": true},
		"a=ice-lite":                            {"ice-": true},
		"xice-lite":                             {"ice-": false},
	} {
		for word, want := range leaks {
			if got := find(text, word) >= 0; got != want {
				t.Errorf("%q in %q: %t", word, text, got)
			}
		}
	}
}
