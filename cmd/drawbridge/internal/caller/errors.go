package caller

import (
	"errors"
	"fmt"
)

var (
	ErrURL       = errors.New("caller: a ws:// or wss:// address expected")
	ErrAccount   = errors.New("caller: user and number expected")
	ErrLost      = errors.New("the connection was lost")
	ErrHungUp    = errors.New("the far side hung up")
	ErrChallenge = errors.New("no usable digest challenge")
	ErrMedia     = errors.New("the media path failed")
)

// StatusError is a final response that ended a stage.
type StatusError struct {
	Status int
	Reason string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d %s", e.Status, e.Reason) }

// StageError names the stage that failed.
type StageError struct {
	Stage string
	Err   error
}

func (e *StageError) Error() string { return "stage " + e.Stage + ": " + e.Err.Error() }
func (e *StageError) Unwrap() error { return e.Err }
