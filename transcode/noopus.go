//go:build !cgo || noopus

package transcode

func newOpusDecoder(int) (Decoder, error) { return nil, ErrNoOpus }

func newOpusEncoder(int, Options) (Encoder, error) { return nil, ErrNoOpus }
