package offer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/tests/corpora"
)

func seed(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		text := []byte(strings.ReplaceAll(string(b), "\n", "\r\n"))
		if name == filepath.Join("testdata", "chromium.sdp") {
			f.Add(text, fuzzBrowser)
		}
		f.Add(text, uint8(SRTPNone))
	}
	keyed := phone("RTP/SAVP", crypto(2, "AES_CM_128_HMAC_SHA1_80", key30, "|2^31|1:4"))
	f.Add([]byte(keyed), uint8(SRTPOptional))
	f.Add([]byte(keyed), uint8(SRTPSDES))
	f.Add([]byte(phone("UDP/TLS/RTP/SAVP", finger, "a=setup:active", "a=rtcp-mux")), uint8(SRTPDTLS))
}

// fit holds what must be true of any SDP that we give out, and of any Stream that media will act upon.
func fit(t *testing.T, m *Machine, text []byte, s *Stream) {
	t.Helper()
	if len(text) > 0 {
		if _, err := read(string(text)); err != nil {
			t.Fatalf("our own SDP cannot be read: %v\n%s", err, text)
		}
		if strings.Contains(strings.ReplaceAll(string(text), "\r\n", ""), "\r") || strings.ContainsRune(string(text), 0) {
			t.Fatalf("bare CR or NUL: %q", text)
		}
	}
	if s.Remote.IsValid() && checkTarget(s.Remote, m.local, m.cfg.AllowLoopback) != nil {
		t.Fatalf("media would go to %v", s.Remote)
	}
	if s.RemoteRTCP.IsValid() && checkTarget(s.RemoteRTCP, m.local, m.cfg.AllowLoopback) != nil {
		t.Fatalf("RTCP would go to %v", s.RemoteRTCP)
	}
	if !s.Refused && (s.Send.Name == "" || s.Recv.Name == "" || s.PtimeMS < 10 || s.PtimeMS > 60 || !s.Send.Same(s.Recv)) {
		t.Fatalf("unusable stream %+v", s)
	}
	if clear := s.SDES == nil && s.Fingerprint == ""; !s.Refused && clear && (m.cfg.Profile == WebRTC || m.cfg.SRTP.Required()) {
		t.Fatalf("media would flow in clear: %+v", s)
	}
	if k := s.SDES; k != nil && (len(k.Send.Key) != k.Suite.KeySize() || len(k.Recv.Key) != k.Suite.KeySize() || k.Send.Key != m.local.Keys[k.Suite] || s.Fingerprint != "") {
		t.Fatalf("unusable keys %+v of %+v", k, s)
	}
	if s.Refused && (s.MaySend || s.MayRecv) {
		t.Fatalf("media on a refused stream %+v", s)
	}
}

// fuzzBrowser is the peer that is a browser; those below are trunks that want this SRTP.
const fuzzBrowser = uint8(SRTPDTLS) + 1

func machineFor(t *testing.T, peer uint8) *Machine {
	switch peer %= fuzzBrowser + 1; peer {
	case fuzzBrowser:
		return newBrowser(t)
	case uint8(SRTPNone):
		return newTrunk(t)
	}
	return newSecure(t, SRTP(peer))
}

func FuzzOffered(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, sdp []byte, peer uint8) {
		m := machineFor(t, peer)
		before := snapshot(m)
		answer, s, err := m.Offered(sdp, SendRecv)
		if err != nil {
			unchanged(t, "refused offer", before, snapshot(m))
			return
		}
		fit(t, m, answer, s)
		offered, err := read(string(sdp))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := read(string(answer))
		if err != nil {
			t.Fatal(err)
		}
		if len(ours.sections) != len(offered.sections) {
			t.Fatalf("%d m-lines answer %d", len(ours.sections), len(offered.sections))
		}
		for i, o := range offered.sections {
			if a := ours.sections[i]; a.media != o.media || a.proto != o.proto || a.mid != o.mid {
				t.Fatalf("line %d: %+v answers %+v", i, a, o)
			}
		}
		again, s2, err := m.Offered(sdp, SendRecv)
		if err != nil || string(again) != string(answer) || *s2 != *s {
			t.Fatalf("the same offer is answered otherwise: %v\n%s\n%s", err, answer, again)
		}
	})
}

func FuzzAnswered(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, sdp []byte, peer uint8) {
		m := machineFor(t, peer)
		offer := mustOffer(t, m, SendRecv)
		before := snapshot(m)
		s, err := m.Answered(sdp)
		if err != nil {
			unchanged(t, "refused answer", before, snapshot(m))
			return
		}
		fit(t, m, []byte(offer), s)
		if m.Open() != Stable {
			t.Fatal("answered, and still open")
		}
		if again := mustOffer(t, m, SendRecv); again != offer {
			t.Fatalf("the refresh differs:\n%s\n%s", offer, again)
		}
	})
}

// TestCorpora runs every SDP of the corpora through both profiles: no panic, no trace of a refusal, and 400 only for what is unreadable.
func TestCorpora(t *testing.T) {
	dir := corpora.Dir(t, "sdp")
	verdicts, err := os.ReadFile(filepath.Join(dir, "verdict.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var seen, served int
	for line := range strings.Lines(string(verdicts)) {
		name, verdict, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		sdp, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue // the verdicts speak of more files than are kept
		}
		if err != nil {
			t.Fatal(err)
		}
		seen++
		for peer := range fuzzBrowser + 1 {
			m := machineFor(t, peer)
			before := snapshot(m)
			answer, s, err := m.Offered(sdp, SendRecv)
			if err == nil {
				served++
				fit(t, m, answer, s)
				continue
			}
			unchanged(t, name, before, snapshot(m))
			if statusOf(t, err) == 400 && strings.Contains(verdict, "!400") {
				t.Errorf("%s: called malformed: %v", name, err)
			}
		}
	}
	if seen == 0 || served == 0 {
		t.Errorf("%d files seen, %d served", seen, served)
	}
	t.Logf("%d files, %d answers", seen, served)
}
