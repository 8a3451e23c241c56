package gateway

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// CDR is one line of the call record file. The fields are those that tests look at.
type CDR struct {
	Call       string     `json:"call"`
	From       string     `json:"from"`
	To         string     `json:"to"`
	Answer     *time.Time `json:"answer"`
	SetupMS    int64      `json:"setupMs"`
	DurationMS int64      `json:"durationMs"`
	Cause      Cause      `json:"cause"`
	Rule       string     `json:"rule"`
	A          Leg        `json:"a"`
	B          Leg        `json:"b"`
}

// Cause is why a call ended.
type Cause struct {
	SIP  int    `json:"sip"`
	Q850 int    `json:"q850"`
	Text string `json:"text"`
	By   string `json:"by"`
}

// Leg is one side of a call.
type Leg struct {
	Realm      string `json:"realm"`
	Peer       string `json:"peer"`
	Kind       string `json:"kind"`
	Codec      string `json:"codec"`
	Media      string `json:"media"`
	PacketsIn  uint64 `json:"packetsIn"`
	PacketsOut uint64 `json:"packetsOut"`
	Lost       uint64 `json:"lost"`

	AudioIn, AudioOut string
	In, Out           *Quality
}

// Quality is how one direction of a leg sounded.
type Quality struct {
	LossPct, MOS float64
}

const cdrLimit = 5 * time.Second

// CDRs reads the whole call record file.
func (g *Gateway) CDRs(t testing.TB) []CDR {
	t.Helper()
	raw, err := os.ReadFile(g.cdr)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var out []CDR
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // still being written
		}
		var c CDR
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("call record %q: %v", line, err)
		}
		out = append(out, c)
	}
	return out
}

// NextCDR waits for the one record behind the first n, and fails when there are more.
func (g *Gateway) NextCDR(t testing.TB, n int) CDR {
	t.Helper()
	var all []CDR
	Eventually(t, cdrLimit, "a call record", func() bool {
		all = g.CDRs(t)
		return len(all) > n
	})
	if len(all) != n+1 {
		t.Fatalf("%d call records for one call: %+v", len(all)-n, all[n:])
	}
	return all[n]
}

// CDRFile is the path of the call record file.
func (g *Gateway) CDRFile() string { return g.cdr }
