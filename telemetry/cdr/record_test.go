package cdr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"drawbridge/telemetry"
)

// record is one line of the file, as a reader of it would describe it. Durations are whole milliseconds from the monotonic clock, times are UTC.
type record struct {
	Call       string             `json:"call"`
	From       string             `json:"from"`
	To         string             `json:"to"`
	Start      time.Time          `json:"start"`
	Answer     *time.Time         `json:"answer,omitempty"` // absent when never answered
	End        time.Time          `json:"end"`
	SetupMS    int64              `json:"setupMs"`    // INVITE to 2xx, or to the final failure
	DurationMS int64              `json:"durationMs"` // answer to end, 0 when never answered
	Cause      cause              `json:"cause"`
	Rule       string             `json:"rule,omitempty"`     // policy rule that refused or ended the call
	Term       string             `json:"term,omitempty"`     // "fraud" when a fraud rule did
	Config     *telemetry.Version `json:"config,omitempty"`   // that the call has begun with
	Transfer   string             `json:"transfer,omitempty"` // the call that the transfer began with: the same in the records of all its calls
	A          telemetry.Leg      `json:"a"`
	B          telemetry.Leg      `json:"b"`

	Attempts []telemetry.Attempt `json:"attempts,omitempty"` // absent when the first target has answered
}

// cause is why the call ended.
type cause struct {
	SIP  int    `json:"sip"` // 0 when a confirmed call ended normally
	Q850 int    `json:"q850"`
	Text string `json:"text"`
	By   string `json:"by"` // "a", "b" or "gateway"
}

// newRecord turns the event into a record.
func newRecord(e telemetry.CallEnded) record {
	r := record{
		Call: e.Call, From: e.From, To: e.To,
		Start: e.Start.UTC(), End: e.End.UTC(),
		SetupMS: e.Setup.Milliseconds(), DurationMS: e.Duration.Milliseconds(),
		Cause: cause{SIP: e.Cause.SIP, Q850: e.Cause.Q850, Text: e.Cause.Text, By: e.Cause.By},
		Rule:  e.Rule, Transfer: e.Transfer, A: e.A, B: e.B, Attempts: e.Attempts,
	}
	if strings.HasPrefix(e.Rule, "fraud/") {
		r.Term = "fraud"
	}
	if e.Config.Number > 0 {
		config := e.Config // and not e as a whole
		r.Config = &config
	}
	if !e.Answer.IsZero() {
		at := e.Answer.UTC()
		r.Answer = &at
	}
	return r
}

// encoded is what encoding/json makes of a record: what appendRecord is held to.
func encoded(e *telemetry.CallEnded) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(newRecord(*e))
	return telemetry.AppendPlain(nil, buf.Bytes()), err
}

// full is a record with a value in every field.
func full() *telemetry.CallEnded {
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.FixedZone("x", 3600))
	leg := telemetry.Leg{
		Realm: "carrier", Peer: "main", Trunk: true, Kind: "sip", CallID: "a84b4c76e66710@pc33", Codec: "PCMA", Media: "rtp",
		PacketsIn: 1, OctetsIn: math.MaxUint64, PacketsOut: 3, Lost: 4, JitterMS: 0.125, RTTMS: 21.5, AudioIn: "ok", AudioOut: "stopped",
		In:  &telemetry.Quality{LossPct: 0.01, BurstR: 1.2, BurstPct: 3, BurstMS: 40.25, JitterMS: 2, R: 93.2, MOS: 4.41, PeerMOS: 4.1},
		Out: &telemetry.Quality{LossPct: 100},
	}
	return &telemetry.CallEnded{
		Call: "5f0c9a7d3b1e", From: "+4930123456", To: "100", Start: at, Answer: at.Add(time.Second), End: at.Add(time.Minute),
		Duration: 59 * time.Second, Setup: time.Second, Cause: telemetry.Cause{SIP: 480, Q850: 18, Text: "no answer", By: "gateway"},
		Rule: "fraud/night", Config: telemetry.Version{Number: 2, Digest: "0123abcd"}, Transfer: "c0", A: leg, B: leg,
		Attempts: []telemetry.Attempt{{Peer: "main", Target: "udp:198.51.100.7:5060", Start: at, MS: 12, Status: 503, Q850: 41, Text: "so", Rule: "r"}},
	}
}

// TestRecordIsWhatEncodingJSONSays: an empty record, a full one, and the full one with each field emptied in its turn.
func TestRecordIsWhatEncodingJSONSays(t *testing.T) {
	same := func(what string, e *telemetry.CallEnded) {
		t.Helper()
		want, err := encoded(e)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendRecord(nil, e); string(got) != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
	}
	same("empty", &telemetry.CallEnded{})
	same("full", full())
	var emptied func(path string, at func(*telemetry.CallEnded) reflect.Value)
	emptied = func(path string, at func(*telemetry.CallEnded) reflect.Value) {
		e := full()
		v := at(e)
		v.SetZero()
		same("without "+path, e)
		if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			emptied(path+"."+v.Type().Field(i).Name, func(e *telemetry.CallEnded) reflect.Value { return at(e).Field(i) })
		}
	}
	emptied("", func(e *telemetry.CallEnded) reflect.Value { return reflect.ValueOf(e).Elem() })
	for i := range reflect.TypeFor[telemetry.Quality]().NumField() {
		e := full()
		reflect.ValueOf(e.A.In).Elem().Field(i).SetZero()
		same(fmt.Sprintf("without quality %d", i), e)
	}
}

// FuzzRecord: text from the wire comes out as encoding/json would write it, and nothing in it acts on a terminal.
func FuzzRecord(f *testing.F) {
	f.Add("plain", int64(1), 0.5)
	f.Add("\x1b[2J\r\n\"}\\ \u009b\u202e\u2028<&>\x7f\xff", int64(-1), math.Inf(1))
	f.Fuzz(func(t *testing.T, text string, n int64, v float64) {
		e := full()
		e.From, e.A.Peer, e.Cause.Text, e.Attempts[0].Text = text, text, text, text
		e.Duration, e.A.PacketsIn, e.Cause.SIP = time.Duration(n), uint64(n), int(n)
		if math.IsNaN(v) || math.IsInf(v, 0) || v != 0 && (math.Abs(v) < 1e-6 || math.Abs(v) >= 1e21) {
			v = 0 // encoding/json refuses the first two, and writes the others with an exponent
		}
		e.A.JitterMS = v
		want, err := encoded(e)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendRecord(nil, e); string(got) != string(want) {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	})
}

func TestARecordIsWholeWhateverWasMeasured(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e-9, 1e30} {
		var r record
		if err := json.Unmarshal(appendRecord(nil, &telemetry.CallEnded{A: telemetry.Leg{JitterMS: v}}), &r); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestARecordDoesNotAllocate(t *testing.T) {
	e := full()
	e.Attempts = nil
	room := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { room = appendRecord(room[:0], e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
