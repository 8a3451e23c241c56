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
		f.Add([]byte(strings.ReplaceAll(string(b), "\n", "\r\n")), name == filepath.Join("testdata", "chromium.sdp"))
	}
}

// fit holds what must be true of any SDP that we give out, and of any Stream that media will act upon.
func fit(t *testing.T, m *Machine, text []byte, s Stream) {
	t.Helper()
	if len(text) > 0 {
		if _, err := read(text); err != nil {
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
	if s.Refused && (s.MaySend || s.MayRecv) {
		t.Fatalf("media on a refused stream %+v", s)
	}
}

func machineFor(t *testing.T, browser bool) *Machine {
	if browser {
		return newBrowser(t)
	}
	return newTrunk(t)
}

func FuzzOffered(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, sdp []byte, browser bool) {
		m := machineFor(t, browser)
		before := snapshot(m)
		answer, s, err := m.Offered(sdp, SendRecv)
		if err != nil {
			unchanged(t, "refused offer", before, snapshot(m))
			return
		}
		fit(t, m, answer, s)
		offered, err := read(sdp)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := read(answer)
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
		if err != nil || string(again) != string(answer) || s2 != s {
			t.Fatalf("the same offer is answered otherwise: %v\n%s\n%s", err, answer, again)
		}
	})
}

func FuzzAnswered(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, sdp []byte, browser bool) {
		m := machineFor(t, browser)
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
		for _, browser := range []bool{true, false} {
			m := machineFor(t, browser)
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
