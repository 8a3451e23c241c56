package cdr

import "errors"

// ErrNotWritten is returned by Run when records were lost at the end because the file refused them.
var ErrNotWritten = errors.New("the file refuses them")
