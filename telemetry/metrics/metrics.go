package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"drawbridge/telemetry"
)

// maxLabels bounds the values of one label; more share "other". Chosen here: kinds are a few dozen words.
const maxLabels = 128

// Metrics is a registry with the gateway's own metrics, the Go runtime's and the process's (goroutines, open files, memory).
type Metrics struct {
	reg *prometheus.Registry

	attempts prometheus.Counter
	active   prometheus.Gauge
	panics   prometheus.Counter
	setup    prometheus.Histogram
	media    *held // by stage
	calls    *held // by result
	refused  *held // by kind
	rejected *held // by status
	limited  *held // by rule
	missing  *held // by reason
	fraud    *held // by alarm
	alarmed  *held // by severity
	denied   *held // by class
	quality  quality
}

// New makes an empty registry.
func New() *Metrics {
	m := &Metrics{
		reg: prometheus.NewRegistry(),
		attempts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "drawbridge_call_attempts_total", Help: "Call attempts, refused ones included."}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "drawbridge_calls_active", Help: "Calls between the INVITE and their end."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "drawbridge_panics_total", Help: "Panics that were caught. Each one is a defect."}),
		setup: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "drawbridge_call_setup_seconds", Help: "INVITE to 2xx of answered calls.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80}}),
		media:    newHeld("drawbridge_media_up_total", "Legs whose media passed a stage.", "stage"),
		calls:    newHeld("drawbridge_calls_total", "Ended call attempts by result.", "result"),
		refused:  newHeld("drawbridge_refused_total", "Connections, handshakes, packets and messages turned away at an edge.", "kind"),
		missing:  newHeld("drawbridge_audio_missing_total", "Legs of answered calls without audio in one direction, by reason.", "reason"),
		fraud:    newHeld("drawbridge_fraud_alarms_total", "Alarms of the fraud rules: the level and what was counted.", "alarm"),
		alarmed:  newHeld("drawbridge_ids_alarms_total", "Alarms of intrusion detection.", "severity"),
		denied:   newHeld("drawbridge_acl_denied_total", "Bans of sources, by the class of what they did.", "class"),
		quality:  newQuality(),
		limited:  newHeld("drawbridge_limited_total", "Requests refused because a limit was reached, by rule.", "rule"),
		rejected: newHeld("drawbridge_rejected_total", "Requests refused by policy or authentication; status 0 is silence.", "status"),
	}
	m.reg.MustRegister(m.attempts, m.active, m.panics, m.setup, m.media.vec, m.calls.vec, m.refused.vec, m.rejected.vec, m.limited.vec, m.missing.vec,
		m.fraud.vec, m.alarmed.vec, m.denied.vec,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.reg.MustRegister(m.quality.all()...)
	for _, r := range results {
		m.calls.with(r) // a counter that is there from the start can be rated
	}
	for _, r := range limited {
		m.limited.with(r)
	}
	for _, a := range alarms {
		m.fraud.with("warning " + a)
		m.fraud.with("critical " + a)
	}
	for _, severity := range []string{"minor", "major", "critical"} {
		m.alarmed.with(severity)
	}
	m.denied.with("max-signal")
	for _, r := range reasons {
		m.missing.with(r)
	}
	return m
}

// Listener feeds the metrics.
func (m *Metrics) Listener() telemetry.Listener {
	return telemetry.Listener{
		CallStarted: func(telemetry.CallStarted) {
			m.attempts.Inc()
			m.active.Inc()
		},
		CallEnded: m.callEnded,
		Lifecycle: func(e telemetry.Lifecycle) {
			if e.What == "panic" {
				m.panics.Inc()
			}
		},
		Rejected: func(e telemetry.Rejected) {
			m.rejected.with(strconv.Itoa(e.Status)).Inc()
			if rule, limit := strings.CutPrefix(e.Rule, "limits/"); limit {
				m.limited.with(rule).Inc()
			}
		},
		Refused:      func(e telemetry.Refused) { m.refused.with(e.Kind).Add(float64(e.Count)) },
		Alarmed:      func(e telemetry.Alarmed) { m.alarmed.with(e.Severity).Inc() },
		Denied:       func(e telemetry.Denied) { m.denied.with(e.Class).Inc() },
		AudioMissing: func(e telemetry.AudioMissing) { m.missing.with(e.Why).Inc() },
		Fraud:        func(e telemetry.Fraud) { m.fraud.with(e.Level + " " + e.Kind).Inc() },
		MediaUp:      func(e telemetry.MediaUp) { m.media.with(e.Stage).Inc() },
	}
}

func (m *Metrics) callEnded(e *telemetry.CallEnded) {
	m.active.Dec()
	m.calls.with(Result(e)).Inc()
	if !e.Answer.IsZero() {
		m.setup.Observe(e.Setup.Seconds())
		m.quality.observe(&e.A)
		m.quality.observe(&e.B)
	}
}

// Handler serves the text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{Registry: m.reg})
}

// results are the values of the label "result".
var results = []string{"answered", "busy", "cancelled", "failed", "no-answer", "not-found", "rejected"}

// limited are the usual values of the label "rule".
var limited = []string{
	"account/calls", "account/cps", "calls", "connection", "cps", "emergency", "method", "number/calls", "realm/calls", "realm/cps", "source",
	"transcodes", "trunk/calls", "trunk/cps",
}

// reasons are the usual values of the label "reason" of audio that is missing.
var reasons = []string{
	"malformed", "no-ice", "no-keys", "not-received", "nothing-came", "payload-type", "reports-only", "stopped", "wrong-keys", "wrong-source",
}

// alarms are what fraud rules count, in the label "alarm" behind the level.
var alarms = []string{
	"concurrent", "denied", "duration", "networks", "per_day", "per_hour", "per_minute", "quick", "sequential", "spend_day", "spend_hour", "unanswered",
}

// Result puts a call's end into one of seven words.
func Result(e *telemetry.CallEnded) string {
	switch {
	case !e.Answer.IsZero():
		return "answered"
	case e.Rule != "":
		return "rejected"
	}
	switch e.Cause.SIP {
	case 486, 600, 603:
		return "busy"
	case 487:
		return "cancelled"
	case 408, 480:
		return "no-answer"
	case 404, 410, 484, 604:
		return "not-found"
	case 401, 403, 407:
		return "rejected"
	}
	return "failed"
}

// held keeps the children of a one-label counter, so that an event costs a map read under a read lock.
type held struct {
	vec *prometheus.CounterVec

	mu   sync.RWMutex
	kids map[string]prometheus.Counter
}

func newHeld(name, help, label string) *held {
	return &held{
		vec:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label}),
		kids: map[string]prometheus.Counter{},
	}
}

func (h *held) with(value string) prometheus.Counter {
	h.mu.RLock()
	c, ok := h.kids[value]
	h.mu.RUnlock()
	if ok {
		return c
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, ok := h.kids[value]; ok {
		return c
	}
	key := value
	if len(h.kids) >= maxLabels {
		value = "other"
	}
	c = h.vec.WithLabelValues(value)
	if key == value { // beyond the bound nothing more is kept
		h.kids[key] = c
	}
	return c
}
