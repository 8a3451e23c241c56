package topology

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"drawbridge/sip/wire"
)

const pidf = `<?xml version="1.0"?><!-- near-custom -->
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:near" entity="sip:ann@10.1.2.3" dm:near-custom="1">
 <tuple id="near-tag"><status><basic>open</basic><dm:place>near-custom</dm:place></status>
  <contact priority="1">sip:ann@10.1.2.3:5060</contact><note>at 10.1.2.3</note><note>Back &amp; soon</note><timestamp>2026-01-02T03:04:05Z</timestamp></tuple>
 <dm:person id="near-tag"><basic>near-custom</basic></dm:person>
</presence>`

const dialogs = `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="3" state="full" entity="sip:ann@near.example.com">
 <dialog id="near-tag" call-id="near-call-id" local-tag="near-tag" direction="initiator"><state event="cancelled" code="487">terminated</state>
  <local><identity>sip:ann@10.1.2.3</identity><target uri="sip:near-contact@10.1.2.3"/></local><duration>12</duration></dialog></dialog-info>`

const mwi = "Messages-Waiting: Yes\r\nMessage-Account: sip:ann@near.example.com\r\nVoice-Message: 2/8 (0/2)\r\nX-Near: near-custom\r\n\r\n" +
	"To: <sip:near-contact@10.1.2.3>\r\nMessage-ID: near-call-id@10.1.2.3\r\n"

const entity = "sip:bob@far.example.com"

func body(method wire.Method, contentType, text string) *wire.Message {
	m := wire.NewRequest(method, wire.URI{})
	m.ContentType, m.Body = contentType, []byte(text)
	return m
}

func multipart(parts ...string) string {
	return "--b\r\n" + strings.Join(parts, "\r\n--b\r\n") + "\r\n--b--"
}

func TestBody(t *testing.T) {
	const mixed = "multipart/mixed;boundary=b"
	for _, tt := range []struct {
		name          string
		in            *wire.Message
		kind          string // "" when it does not cross
		holds, lacks  string // lists by "|"
		mustBeRefused bool
	}{
		{"text", body("MESSAGE", "text/plain;charset=UTF-8;near-custom=1", "hello"), "text/plain;charset=utf-8", "hello", "", false},
		{"html", body("MESSAGE", "text/html", "<b>x</b>"), "", "", "", true},
		{"cpim", body("MESSAGE", "message/cpim", "From: <im:ann@10.1.2.3>\r\n\r\nx"), "", "", "", true},
		{"no type", body("MESSAGE", "", "x"), "", "", "", true},
		{"typing", body("MESSAGE", "application/im-iscomposing+xml", `<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state><contenttype>near-custom</contenttype></isComposing>`),
			"application/im-iscomposing+xml", "<state>active</state>", "contenttype", false},
		{"presence", body("PUBLISH", "application/pidf+xml", pidf), "application/pidf+xml",
			`entity="sip:bob@far.example.com"|<basic>open</basic>|<note>Back &amp; soon</note>|<note></note>|2026-01-02T03:04:05Z|<tuple id="i`, "contact|person|place|dm", false},
		{"busy lamp", body("NOTIFY", "application/dialog-info+xml", dialogs), "application/dialog-info+xml",
			`version="3" state="full" entity="sip:bob@far.example.com"|direction="initiator"|<state event="cancelled" code="487">terminated</state>|<duration>12</duration>`, "local|target|identity", false},
		{"message waiting", body("NOTIFY", "application/simple-message-summary", mwi), "application/simple-message-summary",
			"Messages-Waiting: yes\r\n|Message-Account: sip:bob@far.example.com\r\n|Voice-message: 2/8 (0/2)\r\n", "X-Near|Message-ID", false},
		{"no summary", body("NOTIFY", "application/simple-message-summary", "Voice-Message: 1/0"), "", "", "", true},
		{"registrations", body("NOTIFY", "application/reginfo+xml", "<reginfo/>"), "", "", "", true},
		{"a call's events", body("NOTIFY", "message/sipfrag", "SIP/2.0 200 OK"), "", "", "", true},
		{"digits", body("INFO", "application/dtmf-relay", "Signal=5"), "application/dtmf-relay", "Signal=5", "", false},
		{"a document for nobody", body("OPTIONS", "application/sdp", "v=0"), "", "", "", false},
		{"one of many", body("MESSAGE", mixed, multipart("Content-Type: application/near\r\n\r\nnear-custom", "\r\nhello", "\r\nagain")), "text/plain", "hello", "again", false},
		{"none of many", body("MESSAGE", mixed, multipart("Content-Type: application/near\r\n\r\nnear-custom")), "", "", "", true},
		{"one that must not be lost", body("MESSAGE", mixed, multipart("\r\nhello", "Content-Type: application/near\r\nContent-Disposition: render;handling=required\r\n\r\nx")), "", "", "", true},
		{"encoded part", body("MESSAGE", mixed, multipart("Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=")), "", "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kind, out, ok := Body(tt.in, entity)
			if kind != tt.kind && ok || ok == tt.mustBeRefused {
				t.Fatalf("%q %v, want %q: %s", kind, ok, tt.kind, out)
			}
			text := string(out)
			for _, s := range append(strings.Split(tt.lacks, "|"), secrets...) {
				if s != "" && strings.Contains(text, s) {
					t.Errorf("%q crosses: %s", s, text)
				}
			}
			for s := range strings.SplitSeq(tt.holds, "|") {
				if !strings.Contains(text, s) {
					t.Errorf("no %q in %s", s, text)
				}
			}
		})
	}
}

func TestDangerousDocuments(t *testing.T) {
	deep := strings.Repeat("<status>", maxDepth+1) + strings.Repeat("</status>", maxDepth+1)
	for name, text := range map[string]string{
		"DTD":         `<!DOCTYPE presence [<!ENTITY x "y">]><presence xmlns="urn:ietf:params:xml:ns:pidf"/>`,
		"entity":      `<presence xmlns="urn:ietf:params:xml:ns:pidf"><note>&x;</note></presence>`,
		"other root":  `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo"/>`,
		"other space": `<presence xmlns="urn:near"/>`,
		"two roots":   `<presence xmlns="urn:ietf:params:xml:ns:pidf"/><presence xmlns="urn:ietf:params:xml:ns:pidf"/>`,
		"not closed":  `<presence xmlns="urn:ietf:params:xml:ns:pidf">`,
		"deep":        `<presence xmlns="urn:ietf:params:xml:ns:pidf">` + deep + `</presence>`,
		"long":        `<presence xmlns="urn:ietf:params:xml:ns:pidf">` + strings.Repeat("<x/>", 4*maxElements) + `</presence>`,
		"empty":       "",
		"no text":     "\x00",
	} {
		if out, ok := presence.scrub([]byte(text), entity); ok {
			t.Errorf("%s crosses: %s", name, out)
		}
	}
}

// FuzzScrub states that what leaves is well-formed, holds only known elements of the right namespace, and leaves the same when it comes
// in again but for the ids, which are hashed anew.
func FuzzScrub(f *testing.F) {
	f.Add([]byte(pidf))
	f.Add([]byte(dialogs))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, d := range []document{presence, dialogInfo, composing} {
			out, ok := d.scrub(text, entity)
			if !ok {
				continue
			}
			dec := xml.NewDecoder(bytes.NewReader(out))
			for {
				token, err := dec.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v in %s", err, out)
				}
				if e, is := token.(xml.StartElement); is {
					if _, known := d.elements[e.Name.Local]; !known || e.Name.Space != d.space {
						t.Fatalf("%v crosses: %s", e.Name, out)
					}
				}
			}
			if _, ok := d.scrub(out, entity); !ok {
				t.Fatalf("does not come in again: %s", out)
			}
		}
	})
}
