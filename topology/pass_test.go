package topology

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

const described = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\na=x-whole:1\r\na=group:BUNDLE 0\r\nt=0 0\r\n" +
	"m=video 0 RTP/AVP 31\r\na=x-note:video\r\nm=audio 4000 RTP/AVP 8\r\na=x-note:first\r\na=X-Flag\r\na=x-other:no\r\nm=audio 0 RTP/AVP 0\r\na=x-note:second\r\n"

func TestAttributesOfSessionAndFirstAudio(t *testing.T) {
	pass := Pass{SDP: []string{"x-whole", "x-note", "x-flag"}}
	got := pass.Attributes([]byte(described))
	want := Attributes{Session: []string{"a=x-whole:1"}, Audio: []string{"a=x-note:first", "a=X-Flag"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	const ours = "v=0\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n"
	const out = "v=0\r\nt=0 0\r\na=x-whole:1\r\nm=audio 5000 RTP/AVP 8\r\na=sendrecv\r\na=x-note:first\r\na=X-Flag\r\nm=video 0 RTP/AVP 31\r\n"
	if diff := cmp.Diff(out, string(got.Write([]byte(ours)))); diff != "" {
		t.Error(diff)
	}
	if none := (Pass{}).Attributes([]byte(described)); !none.None() || string(none.Write([]byte(ours))) != ours {
		t.Errorf("%v", none)
	}
}

func TestThroughAsksBothSides(t *testing.T) {
	in := &Passes{In: Pass{Headers: []string{"X-A", "x-b", "X-B"}, Bodies: []string{"text/plain"}, SDP: []string{"x-n"}}, Out: Pass{Headers: []string{"X-C"}}}
	out := &Passes{In: Pass{Headers: []string{"X-C"}}, Out: Pass{Headers: []string{"X-B", "X-C"}, SDP: []string{"X-N"}}}
	if diff := cmp.Diff(Pass{Headers: []string{"x-b"}, SDP: []string{"x-n"}}, Through(in, out)); diff != "" {
		t.Error(diff)
	}
	for _, p := range []Pass{Through(nil, out), Through(in, nil), Through(out, &Passes{})} {
		if !p.Empty() {
			t.Errorf("%v crosses", p)
		}
	}
}

func TestEncloseKeepsParts(t *testing.T) {
	pass := Pass{Bodies: []string{"application/pidf+xml"}}
	m := &wire.Message{ContentType: "application/sdp", Body: []byte("v=0\r\n")}
	all := []wire.Part{
		{ContentType: "text/plain", Body: []byte("no")},
		{ContentType: "application/PIDF+xml;charset=utf-8", Disposition: "render;handling=optional", ID: "<a@b.example>", Body: []byte("<presence/>")},
		{ContentType: "application/pidf+xml", Encoding: "base64", Body: []byte("no")},
	}
	Enclose(m, "cut", pass.Parts(all))
	parts, err := wire.Parts(m.ContentType, m.Body)
	want := []wire.Part{{ContentType: "application/sdp", Body: []byte("v=0\r\n")}, all[1]}
	if diff := cmp.Diff(want, parts); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	alone := &wire.Message{ContentType: "application/sdp", Body: []byte("v=0\r\n")}
	if Enclose(alone, "cut", pass.Parts(all[:1])); alone.ContentType != "application/sdp" {
		t.Error("a body without further parts was made a multipart")
	}
}

// FuzzAttributes states that nothing crosses but whole lines of attributes that are named.
func FuzzAttributes(f *testing.F) {
	f.Add([]byte(described), "x-note")
	f.Add([]byte("m=audio 1\na=x-note:\x00\na=x-note:1\rm=audio 2\n"), "x-note")
	f.Fuzz(func(t *testing.T, sdp []byte, name string) {
		const ours = "v=0\r\nm=audio 5000 RTP/AVP 8\r\n"
		a := Pass{SDP: []string{name}}.Attributes(sdp)
		out := a.Write([]byte(ours))
		if got, want := bytes.Count(out, []byte("\n")), 2+len(a.Session)+len(a.Audio); got != want || bytes.Count(out, []byte("\r")) != want {
			t.Fatalf("%d lines, want %d: %q", got, want, out)
		}
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSuffix(line, "\r\n")
			own, _, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
			if !strings.Contains(ours, line) && !strings.EqualFold(own, name) {
				t.Fatalf("%q crosses", line)
			}
		}
	})
}
