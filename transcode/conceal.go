package transcode

// The stretch of past audio that stands in for a lost packet, and the time over which it dies away. Chosen here.
const (
	rememberMS = 20
	fadeMS     = 60
	rememberAt = g722Rate // the highest rate that it is asked for
)

// memory conceals for the codecs that have no concealment of their own: it keeps what was heard last.
type memory struct {
	past [rememberAt * rememberMS / 1000]int16
	span int // samples of past in use
	fade int // samples until silence
	lost int // samples concealed since the last payload
}

func newMemory(rate int) memory {
	return memory{span: rate * rememberMS / 1000, fade: rate * fadeMS / 1000}
}

// keep takes what was decoded.
func (m *memory) keep(pcm []int16) {
	m.lost = 0
	past := m.past[:m.span]
	if len(pcm) >= m.span {
		copy(past, pcm[len(pcm)-m.span:])
		return
	}
	copy(past, past[len(pcm):])
	copy(past[m.span-len(pcm):], pcm)
}

// conceal plays the last 20 ms backwards and forwards in turn, so that no step is heard at the joints, fading to silence within 60 ms.
func (m *memory) conceal(pcm []int16, n int) (int, error) {
	if len(pcm) < n {
		return 0, ErrShort
	}
	for i := range pcm[:n] {
		at := m.lost % (2 * m.span)
		if at < m.span {
			at = m.span - 1 - at
		} else {
			at -= m.span
		}
		pcm[i] = int16(int(m.past[at]) * max(m.fade-m.lost, 0) / m.fade)
		m.lost++
	}
	return n, nil
}
