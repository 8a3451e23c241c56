package offer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Keys of the tests: 30 bytes for AES-CM, 28 for GCM.
const (
	key30  = "0123456789abcdefghijklmnopqrst"
	key28  = "0123456789abcdefghijklmnopqr"
	other  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcd"
	finger = "a=fingerprint:" + fingerprint + "\n"
)

func ourKeys() *Keys {
	return &Keys{AEADGCM128: Key(strings.Repeat("g", 28)), AESCM80: Key(strings.Repeat("e", 30)), AESCM32: Key(strings.Repeat("t", 30))}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// newSecure is a trunk that wants encryption.
func newSecure(t testing.TB, want SRTP) *Machine {
	m := New(Config{SRTP: want, Codecs: codecNamed(t, "PCMA"), SessionID: 42})
	m.SetLocal(Local{
		RTP: netip.MustParseAddrPort("203.0.113.9:20000"), RTCP: netip.MustParseAddrPort("203.0.113.9:20001"), Keys: ourKeys(), Fingerprint: strings.Replace(fingerprint, "00", "AA", 1),
	})
	return m
}

// phone is an SDP of a telephone with this transport and these further lines.
func phone(proto string, lines ...string) string {
	s := "v=0\no=- 1 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\nm=audio 30000 " + proto + " 8\n"
	for _, l := range lines {
		s += strings.TrimSuffix(l, "\n") + "\n"
	}
	return crlf(s)
}

// crypto is a crypto attribute.
func crypto(tag int, suite, key, more string) string {
	return fmt.Sprintf("a=crypto:%d %s inline:%s%s", tag, suite, b64(key), more)
}

// media are the m= line and the lines that speak of encryption.
func secured(sdp string) []string {
	var out []string
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		for _, p := range []string{"m=", "a=crypto", "a=fingerprint", "a=setup", "a=rtcp-mux", "a=ice", "a=candidate"} {
			if strings.HasPrefix(line, p) {
				out = append(out, line)
			}
		}
	}
	return out
}

func TestParseCrypto(t *testing.T) {
	const cm = "AES_CM_128_HMAC_SHA1_80"
	line := func(s string, a ...any) string { return fmt.Sprintf(s, a...) }
	good := []struct {
		value string
		want  cryptoLine
	}{
		{line("1 %s inline:%s", cm, b64(key30)), cryptoLine{1, AESCM80, Crypto{key30, ""}}},
		{line("2 AES_CM_128_HMAC_SHA1_32 inline:%s|2^31", b64(key30)), cryptoLine{2, AESCM32, Crypto{key30, ""}}},
		{line("3 AEAD_AES_128_GCM inline:%s", b64(key28)), cryptoLine{3, AEADGCM128, Crypto{key28, ""}}},
		{line("3 AEAD_AES_128_GCM inline:%s", strings.TrimRight(b64(key28), "=")), cryptoLine{3, AEADGCM128, Crypto{key28, ""}}},
		{line("1 %s INLINE:%s|1048576|1:4", cm, b64(key30)), cryptoLine{1, AESCM80, Crypto{key30, "\x00\x00\x00\x01"}}},
		{line("1 %s inline:%s|258:2", cm, b64(key30)), cryptoLine{1, AESCM80, Crypto{key30, "\x01\x02"}}},
		{line("1 %s inline:%s|2^20|18446744073709551615:16 WSH=128 KDR=0 -x=1", cm, b64(key30)),
			cryptoLine{1, AESCM80, Crypto{key30, strings.Repeat("\x00", 8) + strings.Repeat("\xff", 8)}}},
	}
	for _, c := range good {
		got, ok := parseCrypto(c.value)
		if !ok || got != c.want {
			t.Errorf("%q: %v, %v", c.value, ok, got)
		}
		if again, ok := parseCrypto(got.attribute()); !ok || again != got {
			t.Errorf("%q is written as %q", c.value, got.attribute())
		}
	}
	bad := []string{
		"", "1", line("1 %s", cm), line("x %s inline:%s", cm, b64(key30)), line("01 %s inline:%s", cm, b64(key30)), line("1234567890 %s inline:%s", cm, b64(key30)),
		line("1 AES_CM_256_HMAC_SHA1_80 inline:%s", b64(key30)), line("1 %s uri:%s", cm, b64(key30)), line("1 %s inline:%s", cm, b64(key28)),
		line("1 AEAD_AES_128_GCM inline:%s", b64(key30)), line("1 %s inline:%s", cm, b64(key30)[1:]), line("1 %s inline:****", cm), line("1 %s inline:", cm),
		line("1 %s inline:%s|", cm, b64(key30)), line("1 %s inline:%s|0", cm, b64(key30)), line("1 %s inline:%s|2^49", cm, b64(key30)), line("1 %s inline:%s|2^", cm, b64(key30)),
		line("1 %s inline:%s|1:0", cm, b64(key30)), line("1 %s inline:%s|1:17", cm, b64(key30)), line("1 %s inline:%s|256:1", cm, b64(key30)), line("1 %s inline:%s|:1", cm, b64(key30)),
		line("1 %s inline:%s|2^20|1:4|x", cm, b64(key30)), line("1 %s inline:%s;inline:%s", cm, b64(key30), b64(other)),
		line("1 %s inline:%s KDR=1", cm, b64(key30)), line("1 %s inline:%s UNENCRYPTED_SRTP", cm, b64(key30)), line("1 %s inline:%s UNENCRYPTED_SRTCP", cm, b64(key30)),
		line("1 %s inline:%s UNAUTHENTICATED_SRTP", cm, b64(key30)), line("1 %s inline:%s FEC_ORDER=SRTP_FEC", cm, b64(key30)), line("1 %s inline:%s SOMETHING", cm, b64(key30)),
	}
	for _, value := range bad {
		if got, ok := parseCrypto(value); ok {
			t.Errorf("%q is %v", value, got)
		}
	}
}

func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:" + b64(key30) + "|2^20|1:4")
	f.Add("1 AEAD_AES_128_GCM inline:" + b64(key28) + "|1048576 WSH=64")
	f.Fuzz(func(t *testing.T, value string) {
		c, ok := parseCrypto(value)
		if !ok {
			return
		}
		if len(c.Key) != c.suite.KeySize() || len(c.MKI) > maxMKI || c.tag < 0 {
			t.Fatalf("%q: %d bytes of key, %d of MKI", value, len(c.Key), len(c.MKI))
		}
		if again, ok := parseCrypto(c.attribute()); !ok || again != c {
			t.Fatalf("%q is written as %q", value, c.attribute())
		}
	})
}

// TestOffersOfEncryption: the first offer of each policy, and the same again as a refresh.
func TestOffersOfEncryption(t *testing.T) {
	all := []string{
		"a=crypto:1 AEAD_AES_128_GCM inline:" + b64(strings.Repeat("g", 28)),
		"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + b64(strings.Repeat("e", 30)),
		"a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:" + b64(strings.Repeat("t", 30)),
	}
	for _, c := range []struct {
		want SRTP
		sdp  []string
	}{
		{SRTPNone, []string{"m=audio 20000 RTP/AVP 8 101"}},
		{SRTPOptional, append([]string{"m=audio 20000 RTP/AVP 8 101"}, all...)},
		{SRTPSDES, append([]string{"m=audio 20000 RTP/SAVP 8 101"}, all...)},
		{SRTPDTLS, []string{
			"m=audio 20000 UDP/TLS/RTP/SAVP 8 101", "a=fingerprint:" + strings.Replace(fingerprint, "00", "AA", 1), "a=setup:actpass", "a=rtcp-mux",
		}},
	} {
		if d := cmp.Diff(c.sdp, secured(mustOffer(t, newSecure(t, c.want), SendRecv))); d != "" {
			t.Errorf("%d: %s", c.want, d)
		}
	}
}

// TestPolicyOfEncryption: what each policy makes of what a peer offers. "" is a refusal with 488.
func TestPolicyOfEncryption(t *testing.T) {
	sdes := crypto(7, "AES_CM_128_HMAC_SHA1_80", key30, "|2^31|1:4")
	foreign := crypto(1, "F8_128_HMAC_SHA1_80", key30, "")
	for _, c := range []struct {
		name, offer string
		took        [4]string // by policy: none, optional, sdes, dtls
	}{
		{"plain", phone("RTP/AVP"), [4]string{"rtp", "rtp", "", ""}},
		{"plain AVPF", phone("RTP/AVPF"), [4]string{"rtp", "rtp", "", ""}},
		{"opportunistic", phone("RTP/AVP", sdes), [4]string{"rtp", "sdes", "sdes", ""}},
		{"opportunistic DTLS", phone("RTP/AVP", finger, "a=setup:actpass"), [4]string{"rtp", "dtls", "", "dtls"}},
		{"opportunistic, unknown suite", phone("RTP/AVP", foreign), [4]string{"rtp", "rtp", "", ""}},
		{"SAVP", phone("RTP/SAVP", foreign, sdes), [4]string{"", "sdes", "sdes", ""}},
		{"SAVPF", phone("RTP/SAVPF", sdes), [4]string{"", "sdes", "sdes", ""}},
		{"SAVP without keys", phone("RTP/SAVP"), [4]string{}},
		{"SAVP, unknown suite", phone("RTP/SAVP", foreign), [4]string{}},
		{"SAVP with fingerprint", phone("RTP/SAVP", finger, "a=setup:active"), [4]string{"", "dtls", "", "dtls"}},
		{"DTLS", phone("UDP/TLS/RTP/SAVP", finger, "a=setup:actpass"), [4]string{"", "dtls", "", "dtls"}},
		{"DTLS SAVPF", phone("UDP/TLS/RTP/SAVPF", finger, "a=setup:passive"), [4]string{"", "dtls", "", "dtls"}},
		{"DTLS without fingerprint", phone("UDP/TLS/RTP/SAVP", "a=setup:actpass"), [4]string{}},
		{"DTLS with SHA-1", phone("UDP/TLS/RTP/SAVP", "a=fingerprint:sha-1 "+fingerprint[8:8+59], "a=setup:actpass"), [4]string{}},
		{"DTLS, foreign setup", phone("UDP/TLS/RTP/SAVP", finger, "a=setup:holdconn"), [4]string{}},
	} {
		for want := range c.took {
			m := newSecure(t, SRTP(want))
			before := snapshot(m)
			answer, st, err := m.Offered([]byte(c.offer), SendRecv)
			if err != nil {
				if statusOf(t, err) != 488 || c.took[want] != "" {
					t.Errorf("%s, policy %d: %v", c.name, want, err)
				}
				unchanged(t, c.name, before, snapshot(m))
				continue
			}
			if got := kindOf(st); got != c.took[want] {
				t.Errorf("%s, policy %d: %q, want %q", c.name, want, got, c.took[want])
			}
			if got, want := secured(string(answer))[0], secured(c.offer)[0]; strings.Fields(got)[2] != strings.Fields(want)[2] {
				t.Errorf("%s: %q answers %q", c.name, got, want)
			}
			fit(t, m, answer, st)
		}
	}
}

func kindOf(st *Stream) string {
	switch {
	case st.SDES != nil:
		return "sdes"
	case st.Fingerprint != "":
		return "dtls"
	}
	return "rtp"
}

func TestAnswerTakesTheKeys(t *testing.T) {
	m := newSecure(t, SRTPSDES)
	offer := phone("RTP/SAVP", crypto(3, "AES_CM_128_HMAC_SHA1_80", key30, "|2^31|1:4"), crypto(4, "AES_CM_128_HMAC_SHA1_32", other, ""))
	answer, st := mustAnswer(t, m, offer, SendRecv)
	want := []string{"m=audio 20000 RTP/SAVP 8", "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + b64(strings.Repeat("e", 30)) + "|1:4"}
	if d := cmp.Diff(want, secured(answer)); d != "" {
		t.Error(d)
	}
	if *st.SDES != (SDES{AESCM80, Crypto{Key(strings.Repeat("e", 30)), "\x00\x00\x00\x01"}, Crypto{key30, "\x00\x00\x00\x01"}}) {
		t.Error("other keys were agreed")
	}
	if again := mustOffer(t, m, SendRecv); secured(again)[1] != want[1] {
		t.Errorf("the refresh has %q", secured(again))
	} else if _, err := m.Answered([]byte(phone("RTP/SAVP", crypto(3, "AES_CM_128_HMAC_SHA1_80", key30, "|1:4")))); err != nil {
		t.Error(err)
	}
	if now := m.Current(); now.SDES != st.SDES {
		t.Error("the same keys are another agreement")
	}
	_, hold := mustAnswer(t, m, strings.Replace(offer, "m=audio", "a=sendonly\r\nm=audio", 1), SendRecv)
	if hold.SDES != st.SDES || hold.MaySend {
		t.Error("hold changes the keys")
	}
	_, fresh := mustAnswer(t, m, phone("RTP/SAVP", crypto(3, "AES_CM_128_HMAC_SHA1_80", other, "")), SendRecv)
	if fresh.SDES == st.SDES || fresh.SDES.Recv.Key != other || fresh.SDES.Send.Key != st.SDES.Send.Key {
		t.Error("a new key of the peer is not taken, or ours has changed with it")
	}
}

// TestAnswersToOurKeys: what may come back to what we have offered.
func TestAnswersToOurKeys(t *testing.T) {
	second := crypto(2, "AES_CM_128_HMAC_SHA1_80", key30, "")
	for _, c := range []struct {
		name   string
		want   SRTP
		answer string
		took   string
	}{
		{"the second key", SRTPSDES, phone("RTP/SAVP", second), "sdes"},
		{"the second key, SAVPF", SRTPSDES, phone("RTP/SAVPF", second), "sdes"},
		{"with an MKI of its own", SRTPSDES, phone("RTP/SAVP", second+"|7:1"), "sdes"},
		{"keys in AVP", SRTPSDES, phone("RTP/AVP", second), "sdes"},
		{"no keys", SRTPSDES, phone("RTP/SAVP"), ""},
		{"in clear", SRTPSDES, phone("RTP/AVP"), ""},
		{"a tag that was not offered", SRTPSDES, phone("RTP/SAVP", crypto(9, "AES_CM_128_HMAC_SHA1_80", key30, "")), ""},
		{"a tag of another suite", SRTPSDES, phone("RTP/SAVP", crypto(1, "AES_CM_128_HMAC_SHA1_80", key30, "")), ""},
		{"two keys", SRTPSDES, phone("RTP/SAVP", second, crypto(3, "AES_CM_128_HMAC_SHA1_32", key30, "")), ""},
		{"DTLS instead", SRTPSDES, phone("RTP/SAVP", finger, "a=setup:active"), ""},
		{"opportunistic", SRTPOptional, phone("RTP/AVP", second), "sdes"},
		{"opportunistic, in clear", SRTPOptional, phone("RTP/AVP"), "rtp"},
		{"opportunistic, SAVP", SRTPOptional, phone("RTP/SAVP", second), "sdes"},
		{"opportunistic, unreadable keys", SRTPOptional, phone("RTP/AVP", "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:x"), ""},
		{"opportunistic, DTLS unasked", SRTPOptional, phone("RTP/AVP", finger, "a=setup:active"), ""},
		{"DTLS", SRTPDTLS, phone("UDP/TLS/RTP/SAVP", finger, "a=setup:active"), "dtls"},
		{"DTLS, we begin", SRTPDTLS, phone("UDP/TLS/RTP/SAVP", finger, "a=setup:passive", "a=rtcp-mux"), "dtls"},
		{"DTLS, no fingerprint", SRTPDTLS, phone("UDP/TLS/RTP/SAVP", "a=setup:active"), ""},
		{"DTLS, in clear", SRTPDTLS, phone("RTP/AVP"), ""},
		{"in clear, encrypted unasked", SRTPNone, phone("RTP/SAVP", second), ""},
		{"in clear, keys unasked", SRTPNone, phone("RTP/AVP", second), "rtp"},
	} {
		m := newSecure(t, c.want)
		offer := mustOffer(t, m, SendRecv)
		st, err := m.Answered([]byte(c.answer))
		if err != nil {
			if c.took != "" || statusOf(t, err) != 488 {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if got := kindOf(st); got != c.took {
			t.Errorf("%s: %q, want %q", c.name, got, c.took)
		}
		wantSetup := map[bool]Setup{true: SetupPassive, false: SetupNone}[c.took == "dtls"]
		if strings.Contains(c.answer, "setup:passive") {
			wantSetup = SetupActive
		}
		if st.Setup != wantSetup || st.Mux != strings.Contains(c.answer, "rtcp-mux") || c.took == "dtls" && st.RemoteRTCP.IsValid() {
			t.Errorf("%s: setup %d, mux %v, RTCP to %v", c.name, st.Setup, st.Mux, st.RemoteRTCP)
		}
		if again := mustOffer(t, m, SendRecv); again != offer {
			t.Errorf("%s: the refresh differs:\n%s\n%s", c.name, offer, again)
		}
	}
}

// Of two audio lines the encrypted one is served where both may be.
func TestEncryptedLineIsPreferred(t *testing.T) {
	offer := phone("RTP/AVP") + crlf("m=audio 30002 RTP/SAVP 8\n"+crypto(1, "AES_CM_128_HMAC_SHA1_80", key30, "")+"\n")
	for want, ports := range map[SRTP][2]string{SRTPNone: {"20000", "0"}, SRTPOptional: {"0", "20000"}, SRTPSDES: {"0", "20000"}} {
		answer, _ := mustAnswer(t, newSecure(t, want), offer, SendRecv)
		var got [2]string
		for i, line := range mlines(answer) {
			got[i] = strings.Fields(line)[1]
		}
		if got != ports {
			t.Errorf("policy %d: ports %v, want %v", want, got, ports)
		}
	}
}

// A leg that has moved to another endpoint has other keys.
func TestAnotherEndpointHasOtherKeys(t *testing.T) {
	m := newSecure(t, SRTPSDES)
	first := mustOffer(t, m, SendRecv)
	if _, err := m.Answered([]byte(phone("RTP/SAVP", crypto(2, "AES_CM_128_HMAC_SHA1_80", key30, "")))); err != nil {
		t.Fatal(err)
	}
	l := m.local
	l.Keys = &Keys{Key(strings.Repeat("x", 28)), Key(strings.Repeat("y", 30)), Key(strings.Repeat("z", 30))}
	m.SetLocal(l)
	second := mustOffer(t, m, SendRecv)
	if first == second || !strings.Contains(second, b64(strings.Repeat("y", 30))) {
		t.Errorf("%s\n%s", first, second)
	}
	st, err := m.Answered([]byte(phone("RTP/SAVP", crypto(2, "AES_CM_128_HMAC_SHA1_80", key30, ""))))
	if err != nil || st.SDES.Send.Key != l.Keys[AESCM80] {
		t.Errorf("%v, or the old key is used", err)
	}
}

func TestKeysShowStars(t *testing.T) {
	st := Stream{SDES: &SDES{Send: Crypto{Key: key30}, Recv: Crypto{Key: other}}, Local: Local{Keys: ourKeys()}}
	text := fmt.Sprintf("%v %+v %#v %s %x %q %+v %v", st, st, *st.SDES, st.SDES.Send.Key, st.SDES.Recv.Key, st.SDES.Send.Key, *st.SDES, *st.Local.Keys)
	marshalled, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	text += string(marshalled)
	for _, secret := range []string{key30, other, fmt.Sprintf("%x", key30), b64(key30), "eeee", "gggg"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows in %s", secret, text)
		}
	}
	if !strings.Contains(text, stars) {
		t.Error("nothing was printed")
	}
}
