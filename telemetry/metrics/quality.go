package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"drawbridge/telemetry"
)

// quality is how the audio of ended calls was, a histogram for each measure and one observation a leg and direction: in is what came from a
// peer, out what it says of ours.
type quality struct {
	mos, loss, jitter *prometheus.HistogramVec
	rtt               prometheus.Histogram
}

func newQuality() quality {
	q := quality{
		mos: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "drawbridge_media_mos", Help: "Mean opinion score by the E-model, a leg and direction of an ended call.",
			Buckets: []float64{1.5, 2, 2.6, 3.1, 3.6, 3.8, 4, 4.1, 4.2, 4.3, 4.4}}, []string{"direction"}),
		loss: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "drawbridge_media_loss_ratio", Help: "Share of the packets lost, a leg and direction of an ended call.",
			Buckets: []float64{0, .001, .0025, .005, .01, .02, .03, .05, .1, .2, .5}}, []string{"direction"}),
		jitter: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "drawbridge_media_jitter_seconds", Help: "Interarrival jitter at the end, a leg and direction of an ended call.",
			Buckets: []float64{.001, .0025, .005, .01, .02, .03, .05, .1, .2, .5}}, []string{"direction"}),
		rtt: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "drawbridge_media_rtt_seconds", Help: "Last round trip to the peer of a leg of an ended call, where it has sent reports.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .15, .2, .3, .5, 1}}),
	}
	for _, direction := range []string{"in", "out"} {
		for _, v := range []*prometheus.HistogramVec{q.mos, q.loss, q.jitter} {
			v.WithLabelValues(direction) // there from the start
		}
	}
	return q
}

func (q quality) all() []prometheus.Collector {
	return []prometheus.Collector{q.mos, q.loss, q.jitter, q.rtt}
}

// observe takes a leg of an ended call.
func (q quality) observe(l *telemetry.Leg) {
	q.direction("in", l.In)
	q.direction("out", l.Out)
	if l.RTTMS > 0 {
		q.rtt.Observe(l.RTTMS / 1000)
	}
}

func (q quality) direction(name string, v *telemetry.Quality) {
	if v == nil {
		return
	}
	q.mos.WithLabelValues(name).Observe(v.MOS)
	q.loss.WithLabelValues(name).Observe(v.LossPct / 100)
	q.jitter.WithLabelValues(name).Observe(v.JitterMS / 1000)
}
