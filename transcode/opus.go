//go:build cgo && !noopus

package transcode

import (
	"fmt"
	"slices"

	"github.com/hraban/opus"
)

// opusRates are those libopus runs at (RFC 6716 section 2.1.3).
var opusRates = []int{8000, 12000, 16000, 24000, 48000}

// opusDecoder is one leg's decoder. The binding cannot reset one, so each leg makes its own.
type opusDecoder struct {
	dec  *opus.Decoder
	rate int
}

func newOpusDecoder(rate int) (Decoder, error) {
	if !slices.Contains(opusRates, rate) {
		return nil, fmt.Errorf("opus at %d Hz: %w", rate, ErrRate)
	}
	dec, err := opus.NewDecoder(rate, 1)
	if err != nil {
		return nil, fmt.Errorf("opus decoder: %w", err)
	}
	return &opusDecoder{dec: dec, rate: rate}, nil
}

func (d *opusDecoder) Rate() int { return d.rate }

func (d *opusDecoder) Decode(pcm []int16, payload []byte) (int, error) {
	if len(payload) == 0 {
		return 0, ErrEmpty
	}
	return d.dec.Decode(payload, slices.Clip(pcm)) // the binding fills cap
}

// restingSize is the longest payload without audio: the byte that says what it is, and a frame of one byte at most (RFC 6716 section 3.2.1).
const restingSize = 2

// Rests implements Rester.
func (d *opusDecoder) Rests(payload []byte) bool { return len(payload) <= restingSize }

func (d *opusDecoder) Conceal(pcm []int16, n int) (int, error) {
	if len(pcm) < n {
		return 0, ErrShort
	}
	return n, d.dec.DecodePLC(pcm[:n:n])
}

func (d *opusDecoder) Recover(pcm []int16, n int, next []byte) (int, error) {
	switch {
	case len(pcm) < n:
		return 0, ErrShort
	case len(next) == 0:
		return 0, ErrEmpty
	}
	return n, d.dec.DecodeFEC(next, pcm[:n:n])
}

// opusEncoder is an encoder with the options that it was made with: a pool keeps encoders of a kind together.
type opusEncoder struct {
	enc  *opus.Encoder
	rate int
	opt  Options
}

func newOpusEncoder(rate int, opt Options) (Encoder, error) {
	if !slices.Contains(opusRates, rate) {
		return nil, fmt.Errorf("opus at %d Hz: %w", rate, ErrRate)
	}
	application := opus.AppVoIP
	if opt.LowDelay {
		application = opus.AppRestrictedLowdelay
	}
	enc, err := opus.NewEncoder(rate, 1, application)
	if err != nil {
		return nil, fmt.Errorf("opus encoder: %w", err)
	}
	e := &opusEncoder{enc: enc, rate: rate, opt: opt}
	return e, e.tune()
}

func (e *opusEncoder) tune() error {
	fec := !e.opt.LowDelay && e.opt.LossPct > 0
	for _, set := range []func() error{
		func() error { return e.enc.SetComplexity(e.opt.Complexity) },
		func() error { return e.enc.SetBitrate(e.opt.Bitrate) },
		func() error { return e.enc.SetPacketLossPerc(e.opt.LossPct) },
		func() error { return e.enc.SetInBandFEC(fec) },
	} {
		if err := set(); err != nil {
			return fmt.Errorf("opus encoder: %w", err)
		}
	}
	return nil
}

func (e *opusEncoder) Rate() int { return e.rate }

func (e *opusEncoder) Encode(dst []byte, pcm []int16) (int, error) {
	if cap(dst) == 0 {
		return 0, ErrShort
	}
	return e.enc.Encode(pcm, dst[:cap(dst)])
}

// SetLoss implements Lossy.
func (e *opusEncoder) SetLoss(percent int) error {
	if percent == e.opt.LossPct {
		return nil
	}
	if err := e.enc.SetPacketLossPerc(min(max(percent, 1), 100)); err != nil {
		return fmt.Errorf("opus encoder: %w", err)
	}
	e.opt.LossPct = percent
	return nil
}

// reset forgets all audio and keeps the options.
func (e *opusEncoder) reset() error { return e.enc.Reset() }

func (e *opusEncoder) kind() kind { return kindOf(e.rate, e.opt) }
