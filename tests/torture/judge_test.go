package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	excused := run{corpus: "rfc4475", transport: "udp"}
	for _, tc := range []struct {
		name string
		run  run
		row  row
		want tally
	}{
		{"what is wanted", excused, row{Message: "wsinv.dat", Grade: "PASS"}, tally{pass: 1}},
		{"deliberate silence", excused, row{Message: "test.dat", Grade: "SOFT"}, tally{soft: 1}},
		{"silence on another transport", run{corpus: "rfc4475", transport: "sctp"}, row{Message: "test.dat", Grade: "SOFT"}, tally{fail: 1}},
		{"a tolerable answer is no silence", excused, row{Message: "test.dat", Grade: "SOFT", Got: []int{404}}, tally{fail: 1}},
		{"a tolerable answer without excuse", excused, row{Message: "sdp01.dat", Grade: "SOFT"}, tally{fail: 1}},
		{"a miss", excused, row{Message: "test.dat", Grade: "FAIL"}, tally{fail: 1}},
		{"a message without expectation", excused, row{Message: "new.dat", Grade: "-"}, tally{fail: 1}},
		{"an answer that is none", run{corpus: "sdp"}, row{SDP: "x.sdp", Grade: "OA", Defects: []string{"oa:m0 type"}}, tally{fail: 1}},
	} {
		var got tally
		tc.run.judge(tc.row, &got)
		if got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestExcusesAreDocumented compares the table of docs/torture.md.
func TestExcusesAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "torture.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([a-z, ]+) \\| (.+) \\|$").FindAllStringSubmatch(string(text), -1) {
		for transport := range strings.SplitSeq(m[2], ", ") {
			documented[m[1]+" "+transport] = m[3]
		}
	}
	if d := cmp.Diff(maps.Clone(excuses), documented); d != "" {
		t.Errorf("excuses (-) and docs/torture.md (+) differ:\n%s", d)
	}
}

func TestTelltalesFindAMessage(t *testing.T) {
	for line, discreet := range map[string]bool{
		`{"msg":"refused","kind":"malformed","detail":"400 Bad Content-Length"}`: true,
		`{"msg":"refused","detail":"INVITE sip:a@b SIP/2.0\r\nVia: x"}`:          false,
	} {
		p := &process{}
		_, _ = p.log.Write([]byte(line))
		if got := p.discreet() == nil; got != discreet {
			t.Errorf("%s: discreet is %t", line, got)
		}
	}
}

func TestFits(t *testing.T) {
	const audio, video = "m=audio 5000 RTP/AVP 0\r\n", "m=video 5002 RTP/AVP 31\r\n"
	for _, tc := range []struct {
		name, offer, answer string
		want                bool
	}{
		{"one line", audio, audio, true},
		{"a line too few", audio + video, audio, false},
		{"lines the other way round", audio + video, video + audio, false},
		{"a refused line", audio + video, audio + "m=video 0 RTP/AVP 31\r\n", true},
		{"a refused line taken", "m=audio 0 RTP/AVP 0\r\n", audio, false},
		{"a bundled line has no port", "m=audio 0 RTP/AVP 0\na=bundle-only\n", audio, true},
		{"another profile", audio, "m=audio 5000 RTP/SAVP 0\r\n", false},
		{"sendrecv for sendonly", audio + "a=sendonly\r\n", audio, false},
		{"recvonly for sendonly", audio + "a=sendonly\r\n", audio + "a=recvonly\r\n", true},
		{"recvonly for the session's sendonly", "a=sendonly\r\n" + audio, audio + "a=recvonly\r\n", true},
		{"sendonly for the session's sendonly", "a=sendonly\r\n" + audio, "a=sendonly\r\n" + audio, false},
	} {
		if err := fits(tc.offer, tc.answer); (err == nil) != tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
