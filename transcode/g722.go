package transcode

import "fmt"

// Fixed by ITU-T G.722. One octet stands for two samples at 16 kHz; RTP counts octets, so its clock says 8000 (RFC 3551 section 4.5.2).
//
// Each octet holds one sample of either sub-band, and the lower one is the telephone band at 8 kHz. So towards G.711 the codec runs at 8 kHz
// without its mirror filters: the upper sub-band is left out, or coded as silence, and nothing is resampled.
const (
	g722Rate   = 16000
	g722Narrow = 8000

	subbandMax = 1<<14 - 1 // a reconstructed sub-band sample has 15 bits
	subbandMin = -1 << 14
)

// G722Encoder codes 16 kHz PCM, or the lower half of it at 8 kHz, at 64 kbit/s.
type G722Encoder struct {
	low, high predictor
	qmf       delayLine
	rate      int
}

// G722Decoder decodes G.722 to 16 kHz PCM, or the lower half of it to 8 kHz.
type G722Decoder struct {
	low, high predictor
	qmf       delayLine
	rate      int
	mode      int // 1, 2 or 3: 64, 56 or 48 kbit/s are speech; RTP knows mode 1 only
	heard     memory
}

func newG722Encoder(rate int) (*G722Encoder, error) {
	if rate != g722Rate && rate != g722Narrow {
		return nil, fmt.Errorf("G722 at %d Hz: %w", rate, ErrRate)
	}
	return &G722Encoder{low: predictor{scale: 32}, high: predictor{scale: 8}, rate: rate}, nil
}

func newG722Decoder(rate int) (*G722Decoder, error) {
	if rate != g722Rate && rate != g722Narrow {
		return nil, fmt.Errorf("G722 at %d Hz: %w", rate, ErrRate)
	}
	return &G722Decoder{low: predictor{scale: 32}, high: predictor{scale: 8}, rate: rate, mode: 1, heard: newMemory(rate)}, nil
}

// Rate is the PCM rate in Hz.
func (e *G722Encoder) Rate() int { return e.rate }

// Rate is the PCM rate in Hz.
func (d *G722Decoder) Rate() int { return d.rate }

// Encode writes one octet for each two samples at 16 kHz, or for each at 8 kHz. Errors: ErrShort.
func (e *G722Encoder) Encode(dst []byte, pcm []int16) (int, error) {
	if e.rate == g722Narrow {
		return e.encodeNarrow(dst, pcm)
	}
	if len(pcm)%2 != 0 || cap(dst) < len(pcm)/2 {
		return 0, fmt.Errorf("G722 frame of %d samples: %w", len(pcm), ErrShort)
	}
	dst = dst[:len(pcm)/2]
	for i := range dst {
		low, high := e.qmf.split(pcm[2*i], pcm[2*i+1])
		dst[i] = byte(e.codeHigh(high)<<6 | e.codeLow(low))
	}
	return len(dst), nil
}

// encodeNarrow codes 8 kHz PCM as the lower sub-band, whose samples have half the size; the upper one is silent.
func (e *G722Encoder) encodeNarrow(dst []byte, pcm []int16) (int, error) {
	if cap(dst) < len(pcm) {
		return 0, fmt.Errorf("G722 frame of %d samples: %w", len(pcm), ErrShort)
	}
	dst = dst[:len(pcm)]
	for i, x := range pcm {
		dst[i] = byte(e.codeHigh(0)<<6 | e.codeLow(int(x)>>1))
	}
	return len(dst), nil
}

// codeLow quantises the lower sub-band to 6 bits and adapts to what the decoder sees of them: the upper 4.
func (e *G722Encoder) codeLow(x int) int {
	diff := saturate(x - e.low.signal)
	size := magnitude(diff)
	step := 1
	for step < len(lowLevels) && size >= lowLevels[step]*e.low.scale>>12 {
		step++
	}
	var code int
	switch {
	case diff >= 0: // 61 down to 32
		code = 62 - step
	case step <= 2: // 63, 62
		code = 64 - step
	default: // 31 down to 4
		code = 34 - step
	}
	e.low.adaptLow(code >> 2)
	return code
}

// codeHigh quantises the upper sub-band to 2 bits.
func (e *G722Encoder) codeHigh(x int) int {
	diff := saturate(x - e.high.signal)
	large := magnitude(diff) >= 564*e.high.scale>>12
	code := 0
	switch {
	case diff >= 0 && large:
		code = 2
	case diff >= 0:
		code = 3
	case !large:
		code = 1
	}
	e.high.adaptHigh(code)
	return code
}

// magnitude is the quantiser's: -1 lies as near to zero as 0 does.
func magnitude(x int) int {
	if x < 0 {
		return ^x
	}
	return x
}

// Decode writes two samples for each octet, at 8 kHz one. It cannot fail: every octet is a code. Error: ErrShort when pcm is too small.
func (d *G722Decoder) Decode(pcm []int16, payload []byte) (int, error) {
	n := len(payload) * (d.rate / g722Narrow)
	if len(pcm) < n {
		return 0, fmt.Errorf("G722 payload of %d octets: %w", len(payload), ErrShort)
	}
	if d.rate == g722Narrow {
		for i, b := range payload {
			pcm[i] = int16(saturate(2 * d.decodeLow(int(b&0x3f))))
		}
	} else {
		for i, b := range payload {
			pcm[2*i], pcm[2*i+1] = d.qmf.join(d.decodeLow(int(b&0x3f)), d.decodeHigh(int(b>>6)))
		}
	}
	d.heard.keep(pcm[:n])
	return n, nil
}

func (d *G722Decoder) decodeLow(code int) int {
	var level int
	switch d.mode {
	case 1:
		level = low6[code]
	case 2:
		level = low5[code>>1]
	default:
		level = low4[code>>2]
	}
	x := clamp(d.low.signal+d.low.scale*level>>15, subbandMin, subbandMax)
	d.low.adaptLow(code >> 2)
	return x
}

func (d *G722Decoder) decodeHigh(code int) int {
	x := clamp(d.high.signal+d.high.scale*high2[code]>>15, subbandMin, subbandMax)
	d.high.adaptHigh(code)
	return x
}

// Conceal stands in for a lost packet; the predictors are left for the packet that follows.
func (d *G722Decoder) Conceal(pcm []int16, n int) (int, error) { return d.heard.conceal(pcm, n) }

// predictor is the adaptive half of one sub-band, the same in encoder and decoder (G.722 section 3.5 and 3.6): a quantiser scale, and a
// prediction from two poles and six zeros.
type predictor struct {
	scale  int // quantiser scale factor
	log    int // its logarithm, adapted
	signal int // the prediction for the next sample
	zeros  int // the part of it from the zeros

	r, p [2]int // reconstructed and partially reconstructed signal, newest first
	d    [6]int // quantised differences
	a    [2]int // pole coefficients
	b    [6]int // zero coefficients
}

func (s *predictor) adaptLow(code4 int) {
	diff := s.scale * low4[code4] >> 15
	s.log = clamp(s.log*127>>7+lowGain[code4], 0, 18432)
	s.scale = antilog(s.log, 8)
	s.predict(diff)
}

func (s *predictor) adaptHigh(code2 int) {
	diff := s.scale * high2[code2] >> 15
	s.log = clamp(s.log*127>>7+highGain[code2], 0, 22528)
	s.scale = antilog(s.log, 10)
	s.predict(diff)
}

// antilog turns the logarithmic scale into a linear one.
func antilog(log, shift int) int {
	m, by := inverseLog[log>>6&31], shift-log>>11
	if by < 0 {
		return m << -by << 2
	}
	return m >> by << 2
}

// predict takes the filters one sample further.
func (s *predictor) predict(diff int) {
	r, p := saturate(s.signal+diff), saturate(s.zeros+diff)
	s.adaptPoles(p)
	s.adaptZeros(diff)
	copy(s.d[1:], s.d[:5])
	s.d[0] = diff
	s.r[1], s.r[0] = s.r[0], r
	s.p[1], s.p[0] = s.p[0], p
	poles := saturate(s.a[0]*saturate(2*s.r[0])>>15 + s.a[1]*saturate(2*s.r[1])>>15)
	s.zeros = 0
	for i := len(s.d) - 1; i >= 0; i-- {
		s.zeros += s.b[i] * saturate(2*s.d[i]) >> 15
	}
	s.zeros = saturate(s.zeros)
	s.signal = saturate(poles + s.zeros)
}

// adaptPoles follows the signs of the partial reconstruction, and stays stable by the two limits.
func (s *predictor) adaptPoles(p int) {
	first := saturate(4 * s.a[0])
	if p < 0 == (s.p[0] < 0) {
		first = min(-first, 32767)
	}
	second := first>>7 + signed(128, p, s.p[1]) + s.a[1]*32512>>15
	second = clamp(second, -12288, 12288)
	limit := saturate(15360 - second)
	s.a[0] = clamp(saturate(signed(192, p, s.p[0])+s.a[0]*32640>>15), -limit, limit)
	s.a[1] = second
}

func (s *predictor) adaptZeros(diff int) {
	by := 128
	if diff == 0 {
		by = 0
	}
	for i := range s.b {
		s.b[i] = saturate(signed(by, diff, s.d[i]) + s.b[i]*32640>>15)
	}
}

// signed is x when a and b have the same sign, else -x.
func signed(x, a, b int) int {
	if a < 0 == (b < 0) {
		return x
	}
	return -x
}

// delayLine holds the last 24 samples of a quadrature mirror filter.
type delayLine [24]int

func (q *delayLine) push(a, b int) {
	copy(q[:], q[2:])
	q[22], q[23] = a, b
}

// split parts two samples into one of each sub-band.
func (q *delayLine) split(a, b int16) (low, high int) {
	q.push(int(a), int(b))
	odd, even := 0, 0
	for i, c := range mirror {
		odd += q[2*i] * c
		even += q[2*i+1] * mirror[len(mirror)-1-i]
	}
	return (even + odd) >> 14, (even - odd) >> 14
}

// join makes two samples of one of each sub-band.
func (q *delayLine) join(low, high int) (a, b int16) {
	q.push(low+high, low-high)
	first, second := 0, 0
	for i, c := range mirror {
		second += q[2*i] * c
		first += q[2*i+1] * mirror[len(mirror)-1-i]
	}
	return int16(saturate(first >> 11)), int16(saturate(second >> 11))
}

func clamp(x, lo, hi int) int { return min(max(x, lo), hi) }

func saturate(x int) int { return clamp(x, -32768, 32767) }
