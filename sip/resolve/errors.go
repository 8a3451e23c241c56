package resolve

import "errors"

var (
	// ErrConfig: no resolver is known, or one cannot be asked.
	ErrConfig = errors.New("resolve: bad configuration")
	// ErrSilent: no server has given an answer of use.
	ErrSilent = errors.New("resolve: no answer")
)
