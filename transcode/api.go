package transcode

import (
	"fmt"
	"strings"
)

// Decoder turns payloads of one codec into mono PCM at a fixed rate. It belongs to one goroutine. Nothing allocates after New.
type Decoder interface {
	// Decode writes the samples of one payload to pcm and returns their number. pcm must hold 120 ms.
	Decode(pcm []int16, payload []byte) (int, error)
	// Conceal writes n samples that stand in for a lost packet.
	Conceal(pcm []int16, n int) (int, error)
	// Rate is the PCM rate in Hz.
	Rate() int
}

// Recoverer is a Decoder that can find a lost packet in the redundancy of the next one (Opus in-band FEC).
type Recoverer interface {
	// Recover writes the n samples lost right before next, which is decoded afterwards as usual.
	Recover(pcm []int16, n int, next []byte) (int, error)
}

// Rester is a Decoder whose codec can rest (DTX): after a payload that says so nothing comes until there is something to hear again.
type Rester interface {
	Rests(payload []byte) bool
}

// Encoder turns mono PCM at a fixed rate into payloads. It belongs to one goroutine.
type Encoder interface {
	// Encode writes one payload for pcm (a legal frame length of the codec) to dst[:cap] and returns its length.
	Encode(dst []byte, pcm []int16) (int, error)
	Rate() int
}

// Lossy is an Encoder with redundancy, which depends on the loss that it expects.
type Lossy interface {
	// SetLoss changes LossPct on the way. An encoder that was made for no loss has no redundancy.
	SetLoss(percent int) error
}

// Options tune an encoder. The zero value means [DefaultOptions]; G.711 has none.
type Options struct {
	Complexity int  // 0-10
	Bitrate    int  // bit/s; 0 means 40 000
	LossPct    int  // expected loss; above 0 and without LowDelay, in-band FEC is on
	LowDelay   bool // CELT only: cheapest, 2.5 ms look-ahead, no FEC. It is fixed for the encoder's life
}

const defaultBitrate = 40_000

// DefaultOptions are the cheapest and best as long as the receiver reports no loss (media.md section 3).
var DefaultOptions = Options{Bitrate: defaultBitrate, LowDelay: true}

// withDefaults fills the zero value and keeps the rest within what libopus takes.
func (o Options) withDefaults() Options {
	if o == (Options{}) {
		return DefaultOptions
	}
	if o.Bitrate == 0 {
		o.Bitrate = defaultBitrate
	}
	o.Bitrate = min(max(o.Bitrate, 6_000), 510_000)
	o.Complexity = min(max(o.Complexity, 0), 10)
	o.LossPct = min(max(o.LossPct, 0), 100)
	return o
}

// NewDecoder makes a decoder of the named codec ("PCMU", "PCMA", "G722", "opus", any case) with PCM at rate.
// Errors: ErrCodec, ErrRate, ErrNoOpus.
func NewDecoder(name string, rate int) (Decoder, error) {
	switch strings.ToUpper(name) {
	case "PCMU", "PCMA":
		g, err := newG711(name, rate)
		if err != nil {
			return nil, err
		}
		return g, nil
	case "G722":
		d, err := newG722Decoder(rate)
		if err != nil {
			return nil, err
		}
		return d, nil
	case "OPUS":
		return newOpusDecoder(rate)
	}
	return nil, fmt.Errorf("decoder %q: %w", name, ErrCodec)
}

// NewEncoder makes an encoder of the named codec for PCM at rate. Errors: ErrCodec, ErrRate, ErrNoOpus.
func NewEncoder(name string, rate int, opt Options) (Encoder, error) {
	switch strings.ToUpper(name) {
	case "PCMU", "PCMA":
		g, err := newG711(name, rate)
		if err != nil {
			return nil, err
		}
		return g, nil
	case "G722":
		e, err := newG722Encoder(rate)
		if err != nil {
			return nil, err
		}
		return e, nil
	case "OPUS":
		return newOpusEncoder(rate, opt.withDefaults())
	}
	return nil, fmt.Errorf("encoder %q: %w", name, ErrCodec)
}
