package b2bua

import (
	"math"
	"time"

	"drawbridge/media"
	"drawbridge/telemetry"
)

// measure fills what media knows of a leg into its record.
func measure(l *telemetry.Leg, s media.LegStats) {
	l.PacketsIn, l.OctetsIn, l.PacketsOut, l.Lost = s.PacketsIn, s.OctetsIn, s.PacketsOut, s.Lost
	l.JitterMS, l.RTTMS = milliseconds(s.Jitter), milliseconds(s.RTT)
	if s.Codec != "" {
		l.Codec = s.Codec
	}
	l.AudioIn, l.AudioOut = s.AudioIn.String(), s.AudioOut.String()
	if s.Quality == nil {
		return
	}
	if s.Quality.InKnown {
		l.In = quality(s.Quality.In)
	}
	if s.Quality.OutKnown {
		l.Out = quality(s.Quality.Out)
		if xr := s.Quality.XR; xr != nil {
			l.Out.PeerMOS = xr.MOS
		}
	}
}

func quality(q media.Quality) *telemetry.Quality {
	return &telemetry.Quality{
		LossPct: round(q.Loss), BurstR: round(q.BurstRatio), BurstPct: round(q.BurstDensity), BurstMS: milliseconds(q.BurstLength),
		JitterMS: milliseconds(q.Jitter), R: round(q.R), MOS: round(q.MOS),
	}
}

// round keeps two digits: nobody hears the third.
func round(v float64) float64 { return math.Round(v*100) / 100 }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
