package main

import (
	"errors"
	"fmt"
)

// errNotHere is wrapped by what says that the machine lacks something.
var errNotHere = errors.New("cannot be run here")

// report counts what was checked and prints each line as it comes.
type report struct {
	strict     bool
	part       string
	pass, fail int
}

// check says how one thing went, with the figures that were seen.
func (r *report) check(what string, ok bool, format string, args ...any) {
	word := "pass"
	if ok {
		r.pass++
	} else {
		r.fail++
		word = "FAIL"
	}
	fmt.Printf("%s  %-10s %-44s %s\n", word, r.part, what, fmt.Sprintf(format, args...))
}

// skip says that something was not tried, and why.
func (r *report) skip(what string, why error) {
	if r.strict || !errors.Is(why, errNotHere) {
		r.check(what, false, "%v", why)
		return
	}
	fmt.Printf("skip  %-10s %-44s %v\n", r.part, what, why)
}

func (r *report) String() string { return fmt.Sprintf("pass=%d fail=%d", r.pass, r.fail) }
