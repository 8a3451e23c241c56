package route

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Berlin on a machine without zones
)

func TestHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text, at string // at in Berlin; 2026-01-05 is a Monday
		want     bool
	}{
		{"mon-fri 08:00-18:00", "2026-01-05 08:00", true},
		{"mon-fri 08:00-18:00", "2026-01-05 07:59", false},
		{"mon-fri 08:00-18:00", "2026-01-05 18:00", false},
		{"mon-fri 08:00-18:00", "2026-01-03 12:00", false},
		{"08:00-18:00", "2026-01-03 12:00", true},
		{"Sat,sun", "2026-01-03 00:00", true},
		{"sat,sun", "2026-01-05 00:00", false},
		{"fri-mon", "2026-01-04 12:00", true},
		{"fri-mon", "2026-01-06 12:00", false},
		{"fri 22:00-06:00", "2026-01-09 23:00", true},
		{"fri 22:00-06:00", "2026-01-10 05:59", true},
		{"fri 22:00-06:00", "2026-01-10 06:00", false},
		{"fri 22:00-06:00", "2026-01-10 23:00", false},
		{"fri 22:00-06:00", "2026-01-09 05:00", false},
		{"18:00-24:00", "2026-01-09 23:59", true},
		{"18:00-24:00", "2026-01-09 00:00", false},
		{"01:30-03:30", "2026-03-29 03:15", true}, // the clock goes from 02:00 to 03:00 in that night
		{"mon 08:00-09:00 America/New_York", "2026-01-05 14:30", true},
		{"mon 08:00-09:00 America/New_York", "2026-01-05 08:30", false},
		{"mon UTC", "2026-01-06 00:30", true},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, berlin)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseHours([]string{c.text}, berlin)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := h.Contain(at.UTC()); got != c.want {
			t.Errorf("%s at %s: %t", c.text, c.at, got)
		}
	}
	if !(Hours{}).Contain(time.Time{}) {
		t.Error("no hours are always")
	}
	for _, text := range []string{"", "mon-", "moon", "8:00-18:00", "08:00", "08:00-08:00", "24:00-01:00", "08:60-09:00", "25:00-26:00", "mon tue", "mon 08:00-09:00 Nowhere/Atall", "08:00-09:00 mon UTC x", "+1:00-02:00", "mon Local"} {
		if _, err := ParseHours([]string{text}, time.UTC); !errors.Is(err, ErrHours) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzHours(f *testing.F) {
	for _, s := range []string{"mon-fri 08:00-18:00 Europe/Berlin", "sat,sun", "22:00-06:00", "mon-mon", "../../etc/passwd"} {
		f.Add(s, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		h, err := ParseHours([]string{text}, time.UTC)
		if err != nil {
			return
		}
		when := time.Unix(at%(1<<40), 0)
		if h.Contain(when.UTC()) != h.Contain(when.In(time.FixedZone("east", 5*3600))) {
			t.Errorf("%q at %d depends on who asks", text, at)
		}
	})
}
