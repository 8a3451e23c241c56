package number

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func plan(t testing.TB, country string) Plan {
	t.Helper()
	if country == "" {
		return Plan{}
	}
	p, ok := Lookup(country)
	if !ok {
		t.Fatalf("no plan of %s", country)
	}
	return p
}

func TestNormal(t *testing.T) {
	for _, c := range []struct{ country, user, want string }{
		{"DE", "+4930123456", "+4930123456"},
		{"DE", "030123456", "+4930123456"},
		{"DE", "0049 (30) 123-456", "+4930123456"},
		{"DE", "tel:+49-30-123456", "+4930123456"},
		{"DE", "%2B4930123456", "+4930123456"},
		{"DE", "%252B4930123456", "+4930123456"},
		{"DE", "+4930123456;isub=1", "+4930123456"},
		{"DE", "30123456;phone-context=+49", "+4930123456"},
		{"DE", "30123456;PHONE-CONTEXT=%2B49", "+4930123456"},
		{"DE", "00252615551234", "+252615551234"},
		{"DE", "110", "110"},
		{"DE", "112", "112"},
		{"DE", "555123456", "555123456"}, // the area is not known
		{"DE", "*31#030123456", "*31#030123456"},
		{"US", "2125551234", "+12125551234"},
		{"US", "12125551234", "+12125551234"},
		{"US", "011252615551234", "+252615551234"},
		{"US", "911", "911"},
		{"IT", "0612345678", "+390612345678"},
		{"RU", "81025261555123", "+25261555123"},
		{"RU", "84951234567", "+74951234567"},
		{"CN", "1790100252615551", "+252615551"},
		{"SG", "001252615551", "+252615551"},
		{"", "00252615551234", "+252615551234"},
		{"", "011252615551234", "+252615551234"},
		{"", "030123456", "030123456"},
		{"", "\u0660\u0660\u0662\u0665\u0662\u0666\u0661\u0665\u0665\u0665\u0661", "+252615551"},
		{"", "\uff0b\uff12\uff15\uff1261", "+25261"},
		{"", "%32%35%32%36%31", "25261"},
		{"", "Alice", "alice"},
		{"", "alice.b-c_d", "alice.b-c_d"},
	} {
		if got, ok := Normal(c.user, plan(t, c.country)); !ok || got != c.want {
			t.Errorf("%s %q: %q, %v, want %q", c.country, c.user, got, ok, c.want)
		}
	}
	for _, user := range []string{"", ";", "a@b", "%", "a b", "<x>", "\xff"} {
		if got, ok := Normal(user, Plan{}); ok {
			t.Errorf("%q: %q", user, got)
		}
	}
}

// A number of any length has a normal form that is its own.
func TestNormalOfTheEndless(t *testing.T) {
	for _, user := range []string{strings.Repeat("7", 253), "0" + strings.Repeat("7", 300), "00" + strings.Repeat("7", 300), "7;phone-context=+" + strings.Repeat("2", 300)} {
		normal, ok := Normal(user, plan(t, "GB"))
		again, okAgain := Normal(normal, plan(t, "GB"))
		if !ok || !okAgain || again != normal || len(normal) > maxDigits {
			t.Errorf("%q is %q, and that is %q", user, normal, again)
		}
	}
}

// The bad input of SEC-12: however Somalia is written, its prefix is seen.
func TestReadingsCannotBeDodged(t *testing.T) {
	spelled := []string{
		"+25261555", "0025261555", "01125261555", "25261555", "tel:+252-61-555", "TEL:0025261555", "252;phone-context=+", "61555;phone-context=+252",
		"%32%35%3261555", "%2532%2535%253261555", "%2B25261555", "\u0662\u0665\u066261555", "\uff0b\uff12\uff15\uff1261555", "+252.61.(555)", "+252%2061%20555",
		"00\u200b25261555", "+0025261555", "000025261555", "01100252615551", "*670025261555", "*31#0025261555", "#31#25261555", "+25261555;ext=7", "00 252 / 61555", "++25261555", "00252x61555", "00+25261555",
		"(00252)61!555", "_0025261555", "~+25261555", "!!00252_61'555", "(+252)61!555",
		strings.Repeat("-", 300) + "0025261555", strings.Repeat("%2D", 300) + "+25261555",
	}
	for _, country := range append(Countries(), "") {
		p := plan(t, country)
		for _, s := range spelled {
			if !slices.ContainsFunc(Readings(s, p), func(r string) bool { return strings.HasPrefix(r, "252") }) {
				t.Errorf("%s %q is read as %q", country, s, Readings(s, p))
			}
		}
		for _, prefix := range p.international {
			s := strings.ReplaceAll(prefix, "x", "7") + "25261555"
			if !slices.Contains(Readings(s, p), "25261555") {
				t.Errorf("%s %q is read as %q", country, s, Readings(s, p))
			}
		}
	}
	for country, s := range map[string]string{"US": "101028801125261555", "DE": "010130025261555"} {
		if !slices.Contains(Readings(s, plan(t, country)), "25261555") {
			t.Errorf("%s %q is read as %q", country, s, Readings(s, plan(t, country)))
		}
	}
}

// A sign behind a number, or a national number with its country and a needless 0, does not hide what a trunk may dial.
func TestReadingsBehindSignsAndCountry(t *testing.T) {
	for _, c := range []struct{ country, dialled string }{
		{"DE", "+25261555123#"}, {"DE", "0025261555123#"}, {"", "25261555123#"}, {"DE", "+25261555123*1"}, {"DE", "+25261555123*"},
		{"DE", "*21*0025261555123#"}, {"DE", "*31#0025261555123#"}, {"US", "*6701125261555123#"},
		{"DE", "*31#+25261555123"}, {"", "1*2*3*+25261555123#1#2"}, {"", "5555551*5555552*5555553*25261555123*5555555*5555556"},
		{"", "5555551*5555552*5555553*5555554*5555555*25261555123"},
		{"DE", "+490252615551234"}, {"DE", "00490252615551234"}, {"DE", "*31#00490252615551234#"}, {"GB", "+440252615551234"},
		{"DE", "+4900252615551234"}, {"US", "+1011252615551234"}, {"US", "1011252615551234"},
	} {
		r := Readings(c.dialled, plan(t, c.country))
		if !slices.ContainsFunc(r, func(r string) bool { return strings.HasPrefix(r, "252") }) {
			t.Errorf("%s %s is read as %q", c.country, c.dialled, r)
		}
	}
}

// However many signs and prefixes there are, the readings are few enough that none is left out.
func TestReadingsAreBounded(t *testing.T) {
	for _, country := range append(Countries(), "") {
		p := plan(t, country)
		for _, run := range []string{"0000000000000", p.Code + "0" + p.Code + "00000001", "0100110101100115", "990009900099000"} {
			var dialled strings.Builder
			for i := range 1000 {
				fmt.Fprintf(&dialled, "%s%d*", run, i)
			}
			r := Readings(dialled.String()+run, p)
			if len(r) >= maxReadings {
				t.Errorf("%s %s has %d readings", country, run, len(r))
			}
		}
	}
}

// A rule against what is far away does not hit what is near.
func TestReadingsOfNationalNumbers(t *testing.T) {
	for country, s := range map[string]string{"DE": "030123456", "GB": "02071234567", "FR": "0123456789", "US": "12125551234", "IT": "0612345678"} {
		for _, r := range Readings(s, plan(t, country)) {
			if !strings.HasPrefix(r, plan(t, country).Code) {
				t.Errorf("%s %q is read as %s", country, s, r)
			}
		}
	}
	for _, name := range []string{"alice", "_alice2", "(bob)25261555", "!", "-_-"} {
		if got := Readings(name, Plan{}); got != nil {
			t.Errorf("%q is read as %q", name, got)
		}
	}
}

func TestPlans(t *testing.T) {
	if n := len(Countries()); n < 240 {
		t.Errorf("%d countries", n)
	}
	for _, country := range Countries() {
		p := plan(t, country)
		if p.Code == "" || len(p.international) == 0 {
			t.Errorf("%+v", p)
		}
		for _, s := range append(p.international, p.Code, p.national) {
			if strings.Trim(s, "0123456789x") != "" {
				t.Errorf("%s: %q", country, s)
			}
		}
	}
	if _, ok := Lookup("XX"); ok {
		t.Error("there is no XX")
	}
}

// Whatever is dialled, its normal form is its own, and one of its readings where it is international.
func FuzzNormal(f *testing.F) {
	for _, s := range []string{"+25261555", "00252;phone-context=+", "%2B49(30)1", "\u0660\u0660\u0662", "Alice", "*31#00252", "tel:+1", "%25%32%35"} {
		f.Add(s, "DE")
		f.Add(s, "US")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, user, country string) {
		p, _ := Lookup(country)
		normal, ok := Normal(user, p)
		if !ok {
			if normal != "" {
				t.Fatalf("%q: %q is no number", user, normal)
			}
			return
		}
		if !utf8.ValidString(normal) {
			t.Fatalf("%q: %q", user, normal)
		}
		if normal[0] != '+' || len(normal) < 2 || normal[1] < '1' || normal[1] > '9' {
			return
		}
		if again, ok := Normal(normal, p); !ok || again != normal {
			t.Errorf("%q is %q, and that is %q", user, normal, again)
		}
		if strings.Trim(normal[1:], "0123456789") == "" && len(user) < 40 && !slices.Contains(Readings(user, p), normal[1:]) {
			t.Errorf("%q is %q, and not among %q", user, normal, Readings(user, p))
		}
	})
}

func BenchmarkReadings(b *testing.B) {
	p := plan(b, "DE")
	b.ReportAllocs()
	for b.Loop() {
		Readings("0025261555123", p)
	}
}
