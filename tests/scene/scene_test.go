package scene

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, text string) (*Scene, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "talk.xml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path)
}

func rendered(t *testing.T, role, text string, values map[string]string) string {
	t.Helper()
	s, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	script, err := s.Script(role, values)
	if err != nil {
		t.Fatal(err)
	}
	out := script.Text
	if err := xml.Unmarshal([]byte(out), new(struct{})); err != nil {
		t.Errorf("%v in\n%s", err, out)
	}
	return out
}

func TestACKBelongsToItsINVITE(t *testing.T) {
	out := rendered(t, "caller", `{{define "caller"}}{{call "uri=sips:x@y" sdp}}{{expect 486}}{{nack 1}}{{end}}`, nil)
	const branch = "branch=z9hG4bK-[pid]-[call_number]-INVITE-1;rport"
	if n := strings.Count(out, branch); n != 2 {
		t.Errorf("%d messages with the branch of the INVITE, want 2:\n%s", n, out)
	}
	if !strings.Contains(out, "ACK sips:x@y SIP/2.0") {
		t.Errorf("the ACK has another Request-URI:\n%s", out)
	}
}

func TestCalleeTagsItsAnswersOnly(t *testing.T) {
	out := rendered(t, "callee", `{{define "callee"}}{{ring}}{{answer 100}}{{answer .status "Contact: <sip:else>"}}{{expect "BYE"}}{{reply "BYE" 200}}{{end}}`,
		map[string]string{"status": "200"})
	if n := strings.Count(out, ownTag); n != 1 {
		t.Errorf("%d messages with our tag, want that of the 200 alone:\n%s", n, out)
	}
	if n := strings.Count(out, "Contact:"); n != 3 || !strings.Contains(out, "<sip:else>") {
		t.Errorf("a header of the scene does not replace the phone's:\n%s", out)
	}
}

func TestChecksAreExpressionsInXML(t *testing.T) {
	out := rendered(t, "caller", `{{define "caller"}}{{expect 200 "a<b" "!c"}}{{end}}`, nil)
	for _, want := range []string{`regexp="a&lt;b"`, `check_it="true"`, `regexp="c"`, `check_it_inverse="true"`, `variables="check1,check2"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func TestMistakes(t *testing.T) {
	if _, err := read(t, `{{define "caler"}}{{end}}`); err == nil {
		t.Error("a role that does not exist is taken")
	}
	if _, err := read(t, `{{define "caller"}}{{shout}}{{end}}`); err == nil {
		t.Error("a verb that does not exist is taken")
	}
	s, err := read(t, `{{define "caller"}}{{expect .told}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Script("caller", nil); err == nil {
		t.Error("a value that nobody gave is taken")
	}
}

func TestBody(t *testing.T) {
	got := body("", "c=IN IP4 0.0.0.0", "s:a=inactive", "a=sendonly")
	want := "v=0\no=phone 7734 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\na=inactive\nm=audio [rtp_port] RTP/AVP 8 0 101\n" +
		"a=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=sendonly"
	if got != want {
		t.Errorf("%q", got)
	}
}
