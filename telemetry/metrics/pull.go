package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Gauge registers a value that read gives at each scrape. name carries the prefix drawbridge_. Registering a name twice panics: it is a
// mistake in the wiring.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter registers a value that only rises.
func (m *Metrics) Counter(name, help string, read func() uint64) {
	m.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
		func() float64 { return float64(read()) }))
}

// Gauges registers one gauge for each value of label; read gives them all.
func (m *Metrics) Gauges(name, help, label string, read func() map[string]float64) {
	m.reg.MustRegister(&pull{
		desc: prometheus.NewDesc(name, help, []string{label}, nil), kind: prometheus.GaugeValue, read: read})
}

// Counters registers one rising counter for each value of label; read gives them all.
func (m *Metrics) Counters(name, help, label string, read func() map[string]uint64) {
	m.reg.MustRegister(&pull{
		desc: prometheus.NewDesc(name, help, []string{label}, nil), kind: prometheus.CounterValue,
		read: func() map[string]float64 {
			out := map[string]float64{}
			for k, v := range read() {
				out[k] = float64(v)
			}
			return out
		}})
}

// pull is a Collector over a map that somebody else counts.
type pull struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func() map[string]float64
}

// Describe implements prometheus.Collector.
func (p *pull) Describe(ch chan<- *prometheus.Desc) { ch <- p.desc }

// Collect implements prometheus.Collector.
func (p *pull) Collect(ch chan<- prometheus.Metric) {
	for label, v := range p.read() {
		ch <- prometheus.MustNewConstMetric(p.desc, p.kind, v, label)
	}
}
