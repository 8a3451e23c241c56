package phone

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
)

// Message is one SIP message of a phone.
type Message struct {
	In   bool // reached the phone
	Text string
}

// logEntry heads a message: "UDP message received [570] bytes :" or "TCP message sent (304 bytes):".
var logEntry = regexp.MustCompile(`(?:UDP|TCP) message (received|sent) [\[(](\d+)(?:\] bytes | bytes\)):\n\n`)

// Messages reads the scenario's message log as far as it is written.
func (r *Run) Messages() []Message {
	raw, err := os.ReadFile(filepath.Join(r.Dir, "messages.log"))
	if err != nil {
		return nil
	}
	text := string(raw)
	var out []Message
	for {
		at := logEntry.FindStringSubmatchIndex(text)
		if at == nil {
			return out
		}
		length, _ := strconv.Atoi(text[at[4]:at[5]])
		end := min(at[1]+length, len(text))
		out = append(out, Message{In: text[at[2]:at[3]] == "received", Text: text[at[1]:end]})
		text = text[end:]
	}
}

// Received is every SIP byte that reached the phone.
func (r *Run) Received() string { return r.join(true) }

// Sent is every SIP byte that the phone sent.
func (r *Run) Sent() string { return r.join(false) }

func (r *Run) join(in bool) string {
	var b strings.Builder
	for _, m := range r.Messages() {
		if m.In == in {
			b.WriteString(m.Text)
		}
	}
	return b.String()
}

// Await waits until a message that begins with start and has part in it has reached the phone.
func (r *Run) Await(t testing.TB, start, part string, limit time.Duration) {
	t.Helper()
	ok := gateway.Within(limit, func() bool {
		for _, m := range r.Messages() {
			if m.In && strings.HasPrefix(m.Text, start) && strings.Contains(m.Text, part) {
				return true
			}
		}
		return false
	})
	if !ok {
		t.Fatalf("no %q with %q reached the phone in %s\n%s%s", start, part, limit, r.conversation(), r.errors())
	}
}
