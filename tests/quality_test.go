package tests

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"drawbridge/tests/gateway"
)

// shown is what /v1/calls says of a call.
type shown struct {
	Call, State, From, To string
	A, B                  struct {
		Peer, AudioIn, AudioOut string
		In                      *struct{ MOS, LossPct float64 }
	}
}

// TestACallInProgressIsShown looks at a running call through the private port, and at its record afterwards.
func TestACallInProgressIsShown(t *testing.T) {
	b := newBesieged(t)
	b.call.unhurt(t)
	var calls struct {
		Active int
		Calls  []shown
	}
	heard := func(v shown) bool {
		return v.A.AudioIn == "ok" && v.B.AudioIn == "ok" && v.A.In != nil && v.B.In != nil && v.A.In.MOS > 4 && v.B.In.MOS > 4
	}
	gateway.Eventually(t, eventSeen, "both sides are heard and rated", func() bool {
		calls.Calls = nil
		return json.Unmarshal([]byte(ask(t, b.gw, "/v1/calls", 200)), &calls) == nil && calls.Active == 1 && len(calls.Calls) == 1 && heard(calls.Calls[0])
	})
	c := calls.Calls[0]
	if c.State != "talking" || c.B.Peer != "acme" || c.A.Peer != accountOf("json").Name {
		t.Errorf("%+v", c)
	}
	one := ask(t, b.gw, "/v1/calls/"+c.Call, 200)
	var same shown
	if err := json.Unmarshal([]byte(one), &same); err != nil || same.Call != c.Call || !heard(same) {
		t.Errorf("one call: %v %s", err, one)
	}
	for _, secret := range []string{accountOf("json").Password, "ufrag", "pwd", "inline:", "fingerprint"} {
		if strings.Contains(one, secret) {
			t.Errorf("%s is in %s", secret, one)
		}
	}
	ask(t, b.gw, "/v1/calls/nobody", 404)
	n := len(b.gw.CDRs(t))
	b.call.hangUp(t)
	raw := b.gw.NextCDR(t, n)
	if raw.A.AudioIn != "ok" || raw.B.AudioIn != "ok" || raw.A.In == nil || raw.B.In == nil || raw.A.In.MOS <= 4 || raw.B.In.MOS <= 4 {
		t.Errorf("record %+v", raw)
	}
	gateway.Eventually(t, eventSeen, "the call is in the histograms", func() bool {
		return b.gw.Metrics(t).Sum("drawbridge_media_mos_count", `direction="in"`) == 2
	})
}

// ask reads a page of the private port.
func ask(t *testing.T, gw *gateway.Gateway, path string, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+gw.Admin.String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("GET %s: %d %v", path, resp.StatusCode, err)
	}
	return string(body)
}
