package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Targets of the project: of rtpengine's CPU in the same run, and ms.
const (
	maxRelay     = 0.40
	maxTranscode = 0.25
	maxDelay     = 1.5 // ms at the 99.9th percentile
)

// verdict collects the last line and what misses its target.
type verdict struct {
	names  []string
	worst  map[string]float64
	missed []string
}

var errMissed = errors.New("a target was missed")

// limit notes a figure that must not be above most. Of several by one name the worst is printed.
func (v *verdict) limit(name string, value, most float64) {
	if v.worst == nil {
		v.worst = map[string]float64{}
	}
	if !slices.Contains(v.names, name) {
		v.names = append(v.names, name)
	}
	v.worst[name] = max(v.worst[name], value)
	if value > most {
		v.miss("%s %.3f, at most %.2f", name, value, most)
	}
}

// ratio compares ours with the other relay; without one nothing is shown, and that is a miss.
func (v *verdict) ratio(name string, res results, per func(sample) float64, most float64) {
	if len(res) < 2 {
		v.miss("%s: there is nothing to compare with", name)
		return
	}
	v.limit(name, res.median(0, per)/res.median(1, per), most)
}

// miss notes what has no figure in the last line.
func (v *verdict) miss(format string, args ...any) {
	v.missed = append(v.missed, fmt.Sprintf(format, args...))
}

func (v *verdict) print() error {
	for _, m := range v.missed {
		fmt.Println("missed:", m)
	}
	var last []string
	for _, name := range v.names {
		last = append(last, fmt.Sprintf("%s=%.3f", name, v.worst[name]))
	}
	fmt.Println(strings.Join(last, " "))
	if len(v.missed) > 0 {
		return errMissed
	}
	return nil
}
