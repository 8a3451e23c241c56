package fraud

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Window is a part of the week, by the clock on the wall: nights that end on the next day and days with 23 or 25 hours are as people
// there count them.
type Window struct {
	days     [7]bool // on which it begins, by time.Weekday
	from, to int     // minutes of the day; to at or before from is on the next day
}

// ErrWindow says how a window is written.
var ErrWindow = errors.New("a time is days, a span or both, such as mon-fri 18:00-08:00, sat,sun or 22:00-06:00")

var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const dayMinutes = 24 * 60

// ParseWindow reads a window. Errors: ErrWindow.
func ParseWindow(text string) (Window, error) {
	w := Window{to: dayMinutes}
	fail := fmt.Errorf("%q: %w", text, ErrWindow)
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 || len(words) > 2 {
		return Window{}, fail
	}
	last := words[len(words)-1]
	span := strings.Contains(last, ":")
	if span {
		if _, err := fmt.Sscanf(last, "%d:%d", new(int), new(int)); err != nil || !w.span(last) {
			return Window{}, fail
		}
		words = words[:len(words)-1]
	}
	switch {
	case len(words) == 0:
		w.days = [7]bool{true, true, true, true, true, true, true}
	case len(words) > 1 || !w.list(words[0]):
		return Window{}, fail
	}
	return w, nil
}

// span reads 18:00-08:00.
func (w *Window) span(text string) bool {
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return false
	}
	w.from, ok = clock(from)
	if !ok || w.from == dayMinutes {
		return false
	}
	w.to, ok = clock(to)
	return ok && w.from != w.to
}

// clock reads 08:00, as minutes of the day; 24:00 is its end.
func clock(text string) (int, bool) {
	if len(text) != 5 || text[2] != ':' || strings.Trim(text, "0123456789:") != "" || strings.Count(text, ":") != 1 {
		return 0, false
	}
	h, m := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	return h*60 + m, m < 60 && h*60+m <= dayMinutes
}

// list reads mon-fri,sun.
func (w *Window) list(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		first, last, several := strings.Cut(part, "-")
		if !several {
			last = first
		}
		from, to := dayOf(first), dayOf(last)
		if from < 0 || to < 0 {
			return false
		}
		for d := from; ; d = (d + 1) % 7 {
			w.days[d] = true
			if d == to {
				break
			}
		}
	}
	return true
}

func dayOf(name string) int {
	for i, n := range dayNames {
		if n == name {
			return i
		}
	}
	return -1
}

// Contains reports whether t, in the location of whose clock counts, is in the window.
func (w Window) Contains(t time.Time) bool {
	day, minute := int(t.Weekday()), t.Hour()*60+t.Minute()
	if w.from < w.to {
		return w.days[day] && minute >= w.from && minute < w.to
	}
	return w.days[day] && minute >= w.from || w.days[(day+6)%7] && minute < w.to
}
