package route

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hours are times of the week. The zero value is always.
type Hours struct{ spans []span }

// span is a time of day on some days of the week. One that ends before it begins goes on past midnight, and belongs to the day that it
// began on.
type span struct {
	days     [7]bool // by time.Weekday
	from, to int     // minutes of the day
	zone     *time.Location
}

const wholeDay = 24 * 60

// ErrHours refuses what is no time of the week.
var ErrHours = errors.New("hours are days, times or both, and a time zone if need be: mon-fri 08:00-18:00 Europe/Berlin")

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseHours reads times of the week: days ("mon", "mon-fri", "sat,sun"; every day by default), hours ("08:00-18:00"; the whole day by default)
// and the name of a time zone (zone by default). Clocks are those of the zone, in summer and in winter.
func ParseHours(texts []string, zone *time.Location) (Hours, error) {
	var h Hours
	for _, text := range texts {
		s, err := parseSpan(text, zone)
		if err != nil {
			return Hours{}, fmt.Errorf("%q: %w", text, err)
		}
		h.spans = append(h.spans, s)
	}
	return h, nil
}

func parseSpan(text string, zone *time.Location) (s span, err error) {
	s = span{to: wholeDay, zone: zone}
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > 3 {
		return span{}, ErrHours
	}
	days, hours := false, false
	for i, w := range words {
		switch {
		case !days && !hours && s.readDays(strings.ToLower(w)):
			days = true
		case !hours && s.readHours(w):
			hours = true
		case i > 0 && i == len(words)-1:
			if s.zone, err = time.LoadLocation(w); err != nil || w == "Local" {
				return span{}, fmt.Errorf("%s is no time zone: %w", w, ErrHours)
			}
		default:
			return span{}, ErrHours
		}
	}
	if !days {
		s.days = [7]bool{true, true, true, true, true, true, true}
	}
	return s, nil
}

// readDays reads "mon", "mon-fri", "sat,sun". A range may go on past Saturday.
func (s *span) readDays(text string) bool {
	var days [7]bool
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a := slices.Index(weekdays, first)
		b := a
		if isRange {
			b = slices.Index(weekdays, last)
		}
		if a < 0 || b < 0 {
			return false
		}
		for d := a; ; d = (d + 1) % 7 {
			days[d] = true
			if d == b {
				break
			}
		}
	}
	s.days = days
	return true
}

func (s *span) readHours(text string) bool {
	from, to, ok := strings.Cut(text, "-")
	a, okFrom := minutes(from)
	b, okTo := minutes(to)
	if !ok || !okFrom || !okTo || a == b || a == wholeDay {
		return false
	}
	s.from, s.to = a, b
	return true
}

// minutes reads HH:MM, up to 24:00.
func minutes(text string) (n int, ok bool) {
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	h, errH := strconv.ParseUint(text[:2], 10, 8)
	m, errM := strconv.ParseUint(text[3:], 10, 8)
	n = int(h)*60 + int(m)
	return n, errH == nil && errM == nil && m < 60 && n <= wholeDay
}

// Contain reports whether at is in the hours. They begin with their first minute and end before their last.
func (h Hours) Contain(at time.Time) bool {
	return len(h.spans) == 0 || slices.ContainsFunc(h.spans, func(s span) bool { return s.contains(at) })
}

func (s span) contains(at time.Time) bool {
	at = at.In(s.zone)
	hour, minute, _ := at.Clock()
	now, today := hour*60+minute, at.Weekday()
	if s.from < s.to {
		return s.days[today] && s.from <= now && now < s.to
	}
	return s.days[today] && now >= s.from || s.days[(today+6)%7] && now < s.to
}
