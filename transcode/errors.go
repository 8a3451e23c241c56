package transcode

import "errors"

var (
	ErrCodec  = errors.New("transcode: unknown codec")
	ErrRate   = errors.New("transcode: rate not supported by the codec")
	ErrNoOpus = errors.New("transcode: built without opus")
	ErrShort  = errors.New("transcode: buffer too short")
	ErrEmpty  = errors.New("transcode: empty payload")
)
