package transcode

import "testing"

// perSecond reports CPU milliseconds per second of audio for a benchmark whose operation is one 20 ms frame.
func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*50/1e6, "ms/s")
}

// Budget: 0 allocs; one 20 ms frame.
func BenchmarkG711(b *testing.B) {
	for _, name := range []string{"PCMU", "PCMA"} {
		g, err := newG711(name, 8000)
		if err != nil {
			b.Fatal(err)
		}
		pcm, payload := make([]int16, 160), make([]byte, 160)
		b.Run("encode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Encode(payload, pcm)
			}
			perSecond(b)
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Decode(pcm, payload)
			}
			perSecond(b)
		})
	}
}
