package metrics

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"drawbridge/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains("\n"+text, "\n"+want+"\n") {
			name, _, _ := strings.Cut(strings.Fields(want)[0], "{")
			t.Errorf("missing %q; %s is\n%s", want, name, strings.Join(regexp.MustCompile("(?m)^"+name+".*$").FindAllString(text, -1), "\n"))
		}
	}
}

func TestEventsBecomeMetrics(t *testing.T) {
	m := New()
	l := m.Listener()
	for range 3 {
		l.EmitCallStarted(telemetry.CallStarted{From: "+4930123456", To: "+4930654321"})
	}
	l.EmitCallEnded(&telemetry.CallEnded{From: "+4930123456", To: "+4930654321", Answer: time.Now(), Setup: 30 * time.Millisecond})
	l.EmitCallEnded(&telemetry.CallEnded{Cause: telemetry.Cause{SIP: 486}})
	l.EmitRefused(telemetry.Refused{Kind: "rtp-source", Source: "192.0.2.77", Count: 41})
	l.EmitRefused(telemetry.Refused{Kind: "rtp-source"})
	l.EmitRejected(telemetry.Rejected{Status: 403})
	l.EmitMediaUp(telemetry.MediaUp{Stage: "dtls"})
	l.EmitLifecycle(telemetry.Lifecycle{What: "panic"})
	l.EmitLifecycle(telemetry.Lifecycle{What: "started"})
	text := scrape(t, m)
	wantLines(t, text,
		`drawbridge_call_attempts_total 3`,
		`drawbridge_calls_active 1`,
		`drawbridge_panics_total 1`,
		`drawbridge_calls_total{result="answered"} 1`,
		`drawbridge_calls_total{result="busy"} 1`,
		`drawbridge_calls_total{result="failed"} 0`,
		`drawbridge_call_setup_seconds_count 1`,
		`drawbridge_refused_total{kind="rtp-source"} 42`,
		`drawbridge_rejected_total{status="403"} 1`,
		`drawbridge_media_up_total{stage="dtls"} 1`,
	)
	for _, name := range []string{"go_goroutines ", "process_open_fds "} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
	for _, secret := range []string{"4930", "192.0.2"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the metrics", secret)
		}
	}
}

func TestResult(t *testing.T) {
	for _, c := range []struct {
		e    telemetry.CallEnded
		want string
	}{
		{telemetry.CallEnded{Answer: time.Now(), Cause: telemetry.Cause{SIP: 408}}, "answered"},
		{telemetry.CallEnded{Rule: "limits/calls", Cause: telemetry.Cause{SIP: 503}}, "rejected"},
		{telemetry.CallEnded{Cause: telemetry.Cause{SIP: 603}}, "busy"},
		{telemetry.CallEnded{Cause: telemetry.Cause{SIP: 487}}, "cancelled"},
		{telemetry.CallEnded{Cause: telemetry.Cause{SIP: 480}}, "no-answer"},
		{telemetry.CallEnded{Cause: telemetry.Cause{SIP: 404}}, "not-found"},
		{telemetry.CallEnded{Cause: telemetry.Cause{SIP: 407}}, "rejected"},
		{telemetry.CallEnded{Cause: telemetry.Cause{SIP: 500}}, "failed"},
	} {
		if got := Result(&c.e); got != c.want {
			t.Errorf("%+v: %s, want %s", c.e, got, c.want)
		}
	}
}

func TestLabelValuesAreBounded(t *testing.T) {
	m := New()
	for i := range 10 * maxLabels {
		m.Listener().EmitRefused(telemetry.Refused{Kind: fmt.Sprint("k", i)})
	}
	text := scrape(t, m)
	if n := strings.Count(text, "\ndrawbridge_refused_total{"); n > maxLabels+1 {
		t.Errorf("%d series, want at most %d", n, maxLabels+1)
	}
	wantLines(t, text, fmt.Sprintf(`drawbridge_refused_total{kind="other"} %d`, 9*maxLabels))
}

func TestValuesAreReadAtScrape(t *testing.T) {
	m := New()
	n := 1.0
	m.Gauge("drawbridge_a", "help", func() float64 { return n })
	m.Counter("drawbridge_b_total", "help", func() uint64 { return 2 })
	m.Gauges("drawbridge_c", "help", "kind", func() map[string]float64 { return map[string]float64{"x": n, "y": 4} })
	m.Counters("drawbridge_d_total", "help", "reason", func() map[string]uint64 { return map[string]uint64{"queue": 5} })
	n = 3
	wantLines(t, scrape(t, m), `drawbridge_a 3`, `drawbridge_b_total 2`, `drawbridge_c{kind="x"} 3`, `drawbridge_c{kind="y"} 4`,
		`drawbridge_d_total{reason="queue"} 5`)
}

func TestAnEventDoesNotAllocate(t *testing.T) {
	l := New().Listener()
	if n := testing.AllocsPerRun(100, func() { l.EmitRefused(telemetry.Refused{Kind: "rtp-source", Count: 1}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
