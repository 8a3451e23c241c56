package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mixed = "preamble\r\n--b1\r\nContent-Type: application/sdp\r\nContent-Disposition: session;handling=optional\r\n\r\nv=0\r\n\r\n--b1\r\n\r\nplain --b1 text\r\n" +
	"--b1\r\nc: application/isup;version=x\r\nContent-Disposition: signal ; handling = Required\r\nContent-Transfer-Encoding: base64\r\n\r\n\x00\x01\r\n--b1--\r\nepilogue"

func TestParts(t *testing.T) {
	got, err := Parts(`multipart/mixed;boundary="b1"`, []byte(mixed))
	want := []Part{
		{ContentType: "application/sdp", Disposition: "session;handling=optional", Body: []byte("v=0\r\n")},
		{ContentType: "text/plain", Body: []byte("plain --b1 text")},
		{ContentType: "application/isup;version=x", Disposition: "signal;handling=Required", Encoding: "base64", Body: []byte{0, 1}},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatal(d, err)
	}
	if got[0].Required() || got[1].Required() || !got[2].Required() {
		t.Error("handling is misread")
	}
	if got[2].MediaType() != "application/isup" {
		t.Errorf("type %q", got[2].MediaType())
	}
}

func TestPartsRefuse(t *testing.T) {
	many := strings.Repeat("--b\r\n\r\nx\r\n", maxParts+1) + "--b--"
	for name, tt := range map[string]struct {
		contentType, body string
		want              error
	}{
		"no boundary":    {"multipart/mixed", "--b\r\n\r\nx\r\n--b--", ErrSyntax},
		"no type":        {";boundary=b", "--b\r\n\r\nx\r\n--b--", ErrSyntax},
		"no delimiter":   {"multipart/mixed;boundary=b", "x", ErrSyntax},
		"never closed":   {"multipart/mixed;boundary=b", "--b\r\n\r\nx", ErrSyntax},
		"bad header":     {"multipart/mixed;boundary=b", "--b\r\nnocolon\r\n\r\nx\r\n--b--", ErrSyntax},
		"too many":       {"multipart/mixed;boundary=b", many, ErrLimit},
		"long boundary":  {"multipart/mixed;boundary=" + strings.Repeat("b", 71), "x", ErrSyntax},
		"empty delimits": {`multipart/mixed;boundary=""`, "--\r\n\r\nx\r\n----", ErrSyntax},
	} {
		if _, err := Parts(tt.contentType, []byte(tt.body)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestParseValue(t *testing.T) {
	for in, want := range map[string]string{
		"dialog;id=7": "dialog;id=7", "presence": "presence", "text/plain ;charset=utf-8": "text/plain;charset=utf-8",
		"": "", ";id=1": "", "a b": "", "text/": "", "a\"b": "", "x;a=1;a=2": "",
	} {
		v, err := ParseValue(in)
		if err != nil {
			v = Value{}
		}
		if got := v.String(); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
}

func TestEncoded(t *testing.T) {
	for value, want := range map[string]bool{"": false, "identity": false, "gzip": true, "identity, GZIP": true} {
		m := NewRequest(INVITE, URI{})
		m.Add("Content-Encoding", value)
		if m.Encoded() != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
}

// FuzzParts states that parts lie inside the body, in order and within the limit, and that no part header carries a line break.
func FuzzParts(f *testing.F) {
	f.Add("multipart/mixed;boundary=b1", []byte(mixed))
	f.Add("multipart/mixed;boundary=b", []byte("--b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		parts, err := Parts(contentType, body)
		if err != nil {
			return
		}
		rest := body
		for _, p := range parts {
			i := bytes.Index(rest, p.Body)
			if i < 0 {
				t.Fatalf("a part that is not in the body: %q", p.Body)
			}
			rest = rest[i+len(p.Body):]
			if hasControl(p.ContentType) || hasControl(p.Disposition) {
				t.Fatalf("a line break in %+v", p)
			}
		}
		if len(parts) > maxParts {
			t.Fatalf("%d parts", len(parts))
		}
	})
}
