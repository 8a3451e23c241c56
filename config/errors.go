package config

import "errors"

// ErrTooLarge is returned for a file that cannot be a configuration.
var ErrTooLarge = errors.New("larger than 8 MB")
