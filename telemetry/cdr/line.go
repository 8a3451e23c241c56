package cdr

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"drawbridge/telemetry"
)

// appendRecord appends one line of the file to b, newline included. Durations are whole milliseconds from the monotonic clock, times are UTC.
// It says what encoding/json would say of record in record_test.go: written out, because a record costs a call more than most of its messages.
func appendRecord(b []byte, e *telemetry.CallEnded) []byte {
	l := line(append(b, '{'))
	l.text("call", e.Call)
	l.text("from", e.From)
	l.text("to", e.To)
	l.time("start", e.Start)
	if !e.Answer.IsZero() { // absent when never answered
		l.time("answer", e.Answer)
	}
	l.time("end", e.End)
	l.int("setupMs", e.Setup.Milliseconds())       // INVITE to 2xx, or to the final failure
	l.int("durationMs", e.Duration.Milliseconds()) // answer to end, 0 when never answered
	l.begin("cause")
	l.int("sip", int64(e.Cause.SIP)) // 0 when a confirmed call ended normally
	l.int("q850", int64(e.Cause.Q850))
	l.text("text", e.Cause.Text)
	l.text("by", e.Cause.By)
	l.end()
	l.some("rule", e.Rule) // that refused or ended the call
	if strings.HasPrefix(e.Rule, "fraud/") {
		l.text("term", "fraud")
	}
	if e.Config.Number > 0 {
		l.begin("config")
		l.int("number", int64(e.Config.Number))
		l.text("digest", e.Config.Digest)
		l.end()
	}
	l.some("transfer", e.Transfer)
	l.begin("a")
	l.leg(&e.A)
	l.end()
	l.begin("b")
	l.leg(&e.B)
	l.end()
	if len(e.Attempts) > 0 { // absent when the first target has answered
		l.other("attempts", e.Attempts)
	}
	return append(l, '}', '\n')
}

// leg are the fields of telemetry.Leg.
func (l *line) leg(e *telemetry.Leg) {
	l.some("realm", e.Realm)
	l.some("peer", e.Peer)
	l.some("kind", e.Kind)
	l.some("callId", e.CallID)
	l.some("codec", e.Codec)
	l.some("media", e.Media)
	l.count("packetsIn", e.PacketsIn)
	l.count("octetsIn", e.OctetsIn)
	l.count("packetsOut", e.PacketsOut)
	l.count("lost", e.Lost)
	l.number("jitterMs", e.JitterMS)
	l.measured("rttMs", e.RTTMS)
	l.some("audioIn", e.AudioIn)
	l.some("audioOut", e.AudioOut)
	if e.In != nil {
		l.begin("in")
		l.quality(e.In)
		l.end()
	}
	if e.Out != nil {
		l.begin("out")
		l.quality(e.Out)
		l.end()
	}
}

// quality are the fields of telemetry.Quality.
func (l *line) quality(q *telemetry.Quality) {
	l.number("lossPct", q.LossPct)
	l.measured("burstR", q.BurstR)
	l.measured("burstPct", q.BurstPct)
	l.measured("burstMs", q.BurstMS)
	l.number("jitterMs", q.JitterMS)
	l.number("r", q.R)
	l.number("mos", q.MOS)
	l.measured("peerMos", q.PeerMOS)
}

// line is a JSON object in the making.
type line []byte

// key begins a field.
func (l *line) key(name string) {
	if (*l)[len(*l)-1] != '{' {
		*l = append(*l, ',')
	}
	*l = append(append(append(*l, '"'), name...), '"', ':')
}

// begin begins an object within the object, end ends it.
func (l *line) begin(name string) {
	l.key(name)
	*l = append(*l, '{')
}

func (l *line) end() { *l = append(*l, '}') }

func (l *line) time(name string, t time.Time) {
	l.key(name)
	*l = append(t.UTC().AppendFormat(append(*l, '"'), time.RFC3339Nano), '"')
}

func (l *line) int(name string, v int64) {
	l.key(name)
	*l = strconv.AppendInt(*l, v, 10)
}

func (l *line) count(name string, v uint64) {
	l.key(name)
	*l = strconv.AppendUint(*l, v, 10)
}

// number writes a measure. JSON has no word for what is none.
func (l *line) number(name string, v float64) {
	l.key(name)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	*l = strconv.AppendFloat(*l, v, 'f', -1, 64)
}

// measured is number for what is left out when nothing is known.
func (l *line) measured(name string, v float64) {
	if v != 0 {
		l.number(name, v)
	}
}

// some is text for what is left out when it is empty.
func (l *line) some(name, s string) {
	if s != "" {
		l.text(name, s)
	}
}

// text writes a string. Nearly every one is plain ASCII and written as it is.
func (l *line) text(name, s string) {
	if !plain(s) {
		l.other(name, s)
		return
	}
	l.key(name)
	*l = append(append(append(*l, '"'), s...), '"')
}

// plain reports whether a string means itself within quotes, in JSON and to a terminal.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// other leaves a value to encoding/json. Control characters in values from the wire come out escaped.
func (l *line) other(name string, v any) {
	l.key(name)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // strings and attempts: nothing that JSON could not say
	*l = telemetry.AppendPlain(*l, bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}))
}
