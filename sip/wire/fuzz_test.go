package wire

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead states that nothing makes Read panic; that what is accepted leaves without a bare line break or NUL in its header section, is
// accepted again and leaves the same; and that what is owed an answer can be answered within the same bounds.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "torture", "*"))
	if len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, false)
	}
	f.Add(invite(), true)
	f.Add(answered("Contact: *", "Expires: 0"), false)
	f.Fuzz(func(t *testing.T, raw []byte, lfOnly bool) {
		m, v := Read(raw, CanonOptions{LFOnly: lfOnly})
		if v.Status > 0 {
			resp := NewResponse(v.Salvaged, v.Status, v.Reason, "own")
			resp.Fields = append(resp.Fields, v.Fields...)
			clean(t, resp.Bytes())
		}
		if v.Status != 0 {
			return
		}
		once := m.Bytes()
		clean(t, once)
		if nearLimits(once) {
			return
		}
		again, v := Read(once, CanonOptions{})
		if v.Status != 0 {
			t.Fatalf("accepted, but not what it leaves as (%d %q):\n%q\n%q", v.Status, v.Reason, raw, once)
		}
		if twice := again.Bytes(); !bytes.Equal(once, twice) {
			t.Fatalf("leaves as\n%q\nand then as\n%q", once, twice)
		}
	})
}

// clean checks the header section of what leaves.
func clean(t *testing.T, out []byte) {
	t.Helper()
	head, _, found := bytes.Cut(out, []byte("\r\n\r\n"))
	if !found {
		t.Fatalf("no end of the header section: %q", out)
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if bytes.ContainsFunc(line, control) {
			t.Fatalf("control character in %q", line)
		}
	}
}

// nearLimits tells messages that a written-out default, a quote or a long name may carry over a limit of the next reader.
func nearLimits(out []byte) bool {
	if len(out) > MaxMessage || bytes.Count(out, []byte("\r\n")) >= maxLines {
		return true
	}
	for line := range bytes.SplitSeq(out, []byte("\r\n")) {
		if len(line) > maxURI {
			return true
		}
	}
	return false
}

// FuzzHeader states the same of one header in a message that is in order otherwise: this way the depth of the value parsers is reached.
func FuzzHeader(f *testing.F) {
	names := []string{"Via", "From", "Contact", "Record-Route", "CSeq", "Reason", "Content-Type", "Expires", "Supported", "Call-ID", "Session-Expires"}
	for i, value := range []string{
		"SIP / 2.0 / UDP h : 5060 ; branch = z9 , SIP/2.0/TCP [::1];x=\"a, b\"", `"a, \"b\"" <sip:a@b;x="y>">;tag=1 ; z = "q"`,
		`*`, `<sip:p;lr>, "B" <sips:q?a=b>;r`, "0007\t INVITE", `Q.850 ; cause=16 ; text="a, b", SIP;cause=200`, "application / sdp;charset=x",
		"60", "a , b\r\n , c", "a@b", "90;refresher=uac",
	} {
		f.Add(uint8(i), value)
	}
	f.Fuzz(func(t *testing.T, i uint8, value string) {
		raw := invite(names[int(i)%len(names)] + ": " + value)
		m, v := Read(raw, CanonOptions{})
		if v.Status != 0 || len(raw) > maxURI {
			return
		}
		once := m.Bytes()
		clean(t, once)
		if again := read(t, once).Bytes(); !bytes.Equal(once, again) {
			t.Fatalf("%q leaves as\n%q\nand then as\n%q", value, once, again)
		}
	})
}

// FuzzURI states that what ParseURI and ParseAddr accept leaves without a control character, is accepted again and leaves the same.
func FuzzURI(f *testing.F) {
	for _, s := range []string{
		"sip:alice:pw@example.com:5060;lr;transport=WS?Subject=x", "sips:[2001:db8::1]:5061", "tel:+1-201;phone-context=a", "http://h/a;b?c",
		`"a, \"b\"" <sip:a@b;x="y">;tag=1;z="q"`, "Bob <sip:%61@b>", "sip:a@b;tag=c", "*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxLine {
			return
		}
		if u, err := ParseURI(s); err == nil {
			fixpoint(t, s, u.String(), func(s string) (string, error) { u, err := ParseURI(s); return u.String(), err })
		}
		if a, err := ParseAddr(s); err == nil {
			fixpoint(t, s, a.String(), func(s string) (string, error) { a, err := ParseAddr(s); return a.String(), err })
		}
		if v, err := ParseVia(s); err == nil {
			fixpoint(t, s, v.String(), func(s string) (string, error) { v, err := ParseVia(s); return v.String(), err })
		}
	})
}

// FuzzAuth states the same of ParseAuth.
func FuzzAuth(f *testing.F) {
	for _, s := range []string{
		`Digest realm="r, s", nonce="a\"b", qop="auth,auth-int", algorithm=MD5, stale=true`, "Bearer abc.def==", "Digest",
		`Digest username="a", response="0", qop=auth, nc=00000001, uri="sip:h"`, "Digest a=b,", "x y=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ParseAuth(s); err == nil {
			fixpoint(t, s, a.String(), func(s string) (string, error) { a, err := ParseAuth(s); return a.String(), err })
		}
	})
}

func fixpoint(t *testing.T, in, out string, again func(string) (string, error)) {
	t.Helper()
	if bytes.ContainsFunc([]byte(out), control) {
		t.Fatalf("%q leaves with a control character: %q", in, out)
	}
	if twice, err := again(out); err != nil || twice != out {
		t.Fatalf("%q leaves as %q and then as %q, %v", in, out, twice, err)
	}
}
