package profile

import (
	"errors"
	"strings"
	"testing"
)

func TestNumberTables(t *testing.T) {
	p := &Profile{Identity: Identity{
		NumIn:  []Rewrite{{`9?00(49)0?([1-9].*)`, `+$1$2`}, {`(49[1-9]\d+)`, `+$1`}, {`0([1-9]\d+)`, `+49$1`}},
		NumOut: []Rewrite{{`\+49(\d+)`, `0$1`}, {`\+(\d+)`, `00$1`}},
	}}
	if bad := p.Check(); bad != nil {
		t.Fatal(bad)
	}
	for in, want := range map[string]string{
		"0049030231250": "+4930231250", "004930231250": "+4930231250", "9004930231250": "+4930231250", "4930231250": "+4930231250", "030231250": "+4930231250",
		"110": "110", "alice": "alice", "+4930231250": "+4930231250",
	} {
		if got := p.NumberIn(in); got != want {
			t.Errorf("in %s: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"+4930231250": "030231250", "+33123": "0033123", "110": "110"} {
		if got := p.NumberOut(in); got != want {
			t.Errorf("out %s: %s, want %s", in, got, want)
		}
	}
	long := "0" + strings.Repeat("1", 100)
	if got := p.NumberIn(long); got != long {
		t.Errorf("a number beyond any plan is rewritten: %s", got)
	}
}

func TestRefusedTables(t *testing.T) {
	for _, row := range []struct {
		r    Rewrite
		want error
	}{
		{Rewrite{"(", "x"}, ErrPattern}, {Rewrite{"", "x"}, ErrPattern}, {Rewrite{strings.Repeat("a", 300), "x"}, ErrPattern},
		{Rewrite{"1", ""}, ErrTo}, {Rewrite{"1", "2\r\nVia: x"}, ErrTo}, {Rewrite{"1", "2;x=y"}, ErrTo},
	} {
		bad := (&Profile{Identity: Identity{NumIn: []Rewrite{{"2", "3"}, row.r}}}).Check()
		if len(bad) != 1 || bad[0].Key != "num.in" || bad[0].Index != 1 || !errors.Is(bad[0].Err, row.want) {
			t.Errorf("%+v: %v, want %v", row.r, bad, row.want)
		}
	}
}

func TestCauseTables(t *testing.T) {
	p := &Profile{Cause: Cause{
		In:  []Translation{{Status: 480, Cause: 20}, {Status: 607, As: 603, Cause: 21}},
		Out: []Translation{{Cause: 21, As: 603}, {Status: 404, As: 604}},
	}}
	if bad := p.Check(); bad != nil {
		t.Fatal(bad)
	}
	for status, want := range map[int][2]int{480: {480, 20}, 607: {603, 21}, 486: {486, 0}} {
		if as, cause := p.Heard(status); as != want[0] || cause != want[1] {
			t.Errorf("heard %d: %d %d", status, as, cause)
		}
	}
	for _, row := range [][3]int{{403, 21, 603}, {404, 1, 604}, {486, 17, 486}} {
		if got := p.Told(row[0], row[1]); got != row[2] {
			t.Errorf("told %d with cause %d: %d, want %d", row[0], row[1], got, row[2])
		}
	}
	var none *Profile
	if as, cause := none.Heard(486); as != 486 || cause != 0 || none.Told(404, 1) != 404 || none.NumberIn("1") != "1" {
		t.Error("no profile changes something")
	}
}

// FuzzNumberTable: whatever the peer writes, what comes out is short, and made of what the row says.
func FuzzNumberTable(f *testing.F) {
	p := &Profile{Identity: Identity{NumIn: []Rewrite{{`0(.*)`, `+49$1`}, {`(.*)`, `$1`}}}}
	p.Check()
	f.Add("030231250")
	f.Add(strings.Repeat("0", 63))
	f.Fuzz(func(t *testing.T, number string) {
		if out := p.NumberIn(number); len(out) > max(maxNumber, len(number)) {
			t.Errorf("%q became %q", number, out)
		}
	})
}
