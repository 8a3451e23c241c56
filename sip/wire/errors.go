package wire

import (
	"errors"
	"fmt"
)

// Sentinels of the value codecs. They are wrapped with the part at fault and never quote the input.
var (
	ErrSyntax = errors.New("malformed")
	ErrLimit  = errors.New("over the limit")
)

// Error is a message that cannot be represented. Status is what a request is owed; a response is dropped.
type Error struct {
	Status int
	Part   string // header name or "start line", "header section", "body"
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v (%d)", e.Part, e.Err, e.Status) }
func (e *Error) Unwrap() error { return e.Err }

func malformed(part string) error { return &Error{Status: 400, Part: part, Err: ErrSyntax} }

func tooLarge(status int, part string) error {
	return &Error{Status: status, Part: part, Err: ErrLimit}
}

func overLimit(part string) error { return fmt.Errorf("%s: %w", part, ErrLimit) }

func syntax(part string) error { return fmt.Errorf("%s: %w", part, ErrSyntax) }
