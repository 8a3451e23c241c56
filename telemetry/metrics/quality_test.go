package metrics

import (
	"testing"
	"time"

	"drawbridge/telemetry"
)

func TestHowCallsSounded(t *testing.T) {
	m := New()
	l := m.Listener()
	good := &telemetry.Quality{MOS: 4.39, LossPct: 0, JitterMS: 2}
	poor := &telemetry.Quality{MOS: 2.34, LossPct: 10, JitterMS: 80}
	l.EmitCallEnded(&telemetry.CallEnded{Answer: time.Now(), A: telemetry.Leg{In: good, Out: poor, RTTMS: 40}, B: telemetry.Leg{In: poor}})
	l.EmitCallEnded(&telemetry.CallEnded{A: telemetry.Leg{In: good}}) // never answered: nobody has listened
	l.EmitAudioMissing(telemetry.AudioMissing{Why: "wrong-source"})
	wantLines(t, scrape(t, m),
		`drawbridge_media_mos_bucket{direction="in",le="2.6"} 1`,
		`drawbridge_media_mos_bucket{direction="in",le="4.4"} 2`,
		`drawbridge_media_mos_count{direction="out"} 1`,
		`drawbridge_media_loss_ratio_bucket{direction="in",le="0"} 1`,
		`drawbridge_media_loss_ratio_bucket{direction="in",le="0.1"} 2`,
		`drawbridge_media_jitter_seconds_bucket{direction="out",le="0.1"} 1`,
		`drawbridge_media_rtt_seconds_bucket{le="0.05"} 1`,
		`drawbridge_media_rtt_seconds_count 1`,
		`drawbridge_audio_missing_total{reason="wrong-source"} 1`,
	)
}
