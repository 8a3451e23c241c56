package transport

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// feedFramer gives the stream in pieces and returns what is found: messages, "" for a blank.
func feedFramer(fr *framer, pieces ...string) (found []string, err error) {
	for _, p := range pieces {
		for len(p) > 0 {
			n := copy(fr.room(), p)
			fr.filled(n)
			p = p[n:]
			for {
				f, msg, err := fr.next()
				if err != nil {
					return found, err
				}
				if f == frameMore {
					break
				}
				found = append(found, string(msg))
				if f == framePing {
					found = append(found, "")
				}
			}
		}
	}
	return found, nil
}

func sipMessage(body string, fields ...string) string {
	return "OPTIONS sip:a SIP/2.0\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n" + body
}

// TestFramer: whole, in single bytes, and all at once give the same messages.
func TestFramer(t *testing.T) {
	want := []string{
		sipMessage("", "Content-Length: 0"),
		sipMessage("hello", "l : 5", "X: y"),
		sipMessage("\r\n\r\nnot a message\r\n\r\n", "cONTENT-lENGTH:\r\n 21"),
		"", "",
		sipMessage(strings.Repeat("x", 9000), "Contact: <sip:x>", "Content-Length: 9000", "Lang: 7"),
		"",
		sipMessage("", "Content-Length:000"),
	}
	stream := want[0] + want[1] + want[2] + "\r\n\r\n" + want[5] + "\r\n" + want[7]
	pieces := map[string][]string{"whole": {stream}, "bytes": strings.Split(stream, "")}
	for _, size := range []int{2, 3, 7, 1460} {
		var cut []string
		for c := range slices.Chunk([]byte(stream), size) {
			cut = append(cut, string(c))
		}
		pieces[string(rune('0'+size%10))+" bytes"] = cut
	}
	for name, p := range pieces {
		got, err := feedFramer(&framer{limit: maxMessage}, p...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFramingErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		stream string
		status int
	}{
		"none":           {sipMessage("", "X: y"), 411},
		"two":            {sipMessage("ab", "Content-Length: 2", "l: 2"), 400},
		"negative":       {sipMessage("", "Content-Length: -1"), 400},
		"signed":         {sipMessage("", "Content-Length: +1"), 400},
		"empty":          {sipMessage("", "Content-Length:"), 400},
		"words":          {sipMessage("", "Content-Length: 1, 2"), 400},
		"huge":           {sipMessage("", "Content-Length: 100000000000000000000"), 513},
		"over the limit": {sipMessage("", "Content-Length: 65536"), 513},
		"bare LF":        {"OPTIONS sip:a SIP/2.0\nContent-Length: 0\n\n", 400},
		"one bare LF":    {sipMessage("", "A: b\n\nINVITE sip:x SIP/2.0", "Content-Length: 0"), 400},
		"no end":         {"OPTIONS sip:a SIP/2.0\r\nX: " + strings.Repeat("y", maxMessage), 513},
		"endless lines":  {"OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", maxMessage/6), 513},
	} {
		for how, pieces := range map[string][]string{"whole": {tt.stream}, "bytes": strings.Split(tt.stream, "")} {
			fr := framer{limit: maxMessage}
			got, err := feedFramer(&fr, pieces...)
			if e, ok := errors.AsType[*frameError](err); !ok || e.status != tt.status || len(got) != 0 {
				t.Errorf("%s, %s: %v, %d messages", name, how, err, len(got))
			}
			if fr.size() > maxMessage+streamBuffer {
				t.Errorf("%s: %d bytes held", name, fr.size())
			}
		}
	}
}

// TestFramerGivesBack: a large message leaves no large buffer behind.
func TestFramerGivesBack(t *testing.T) {
	fr := framer{limit: maxMessage}
	big := sipMessage(strings.Repeat("x", 60_000), "Content-Length: 60000")
	if got, err := feedFramer(&fr, big); err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	if fr.room(); fr.size() != streamBuffer {
		t.Errorf("%d bytes held", fr.size())
	}
}

// FuzzFramer: what is found does not depend on how the stream is cut, and no byte is found twice.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(sipMessage("hello", "l: 5")+"\r\n\r\n"+sipMessage("", "Content-Length: 0")), uint8(3))
	f.Add([]byte("\r\n\n\r\r\n"+sipMessage("", "X: y")), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		const limit = 2048
		whole, err1 := feedFramer(&framer{limit: limit}, string(stream))
		var cut []string
		for c := range slices.Chunk(stream, int(size)+1) {
			cut = append(cut, string(c))
		}
		pieces, err2 := feedFramer(&framer{limit: limit}, cut...)
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Error(diff)
		}
		if (err1 == nil) != (err2 == nil) {
			t.Errorf("%v, %v", err1, err2)
		}
		rest := stream
		for _, m := range whole {
			i := bytes.Index(rest, []byte(m))
			if i < 0 || len(m) > limit {
				t.Fatalf("%q is not in the stream", m)
			}
			rest = rest[i+len(m):]
		}
	})
}
