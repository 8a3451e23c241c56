package route

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustDeck(t testing.TB, text string) *Deck {
	t.Helper()
	d, err := ReadDeck(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDeck(t *testing.T) {
	d := mustDeck(t, "trunk, prefix ,comment,price\na,49,\"landline, Germany\",0.01\nb,+49,,0.012\na,4930,,0.02\nc,1,,0.005\nb,4915,,0.09\n# a comment\nd,4930,,0.012\n")
	for number, want := range map[string][]Rate{
		"+493012345": {{"b", "49", 12000}, {"d", "4930", 12000}, {"a", "4930", 20000}},
		"4915112345": {{"a", "49", 10000}, {"b", "4915", 90000}},
		"49":         {{"a", "49", 10000}, {"b", "49", 12000}},
		"4":          nil,
		"+12025550":  {{"c", "1", 5000}},
		"alice":      nil,
		"":           nil,
		"+":          nil,
		"2":          nil,
	} {
		got := d.Rates(nil, number)
		slices.SortStableFunc(got, func(a, b Rate) int {
			if a.Price == b.Price {
				return strings.Compare(a.Trunk, b.Trunk)
			}
			return int(a.Price - b.Price)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", number, diff)
		}
	}
}

// A deck answers as a scan of its rows does.
func TestDeckIsAScan(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	digits := func(n int) string {
		b := make([]byte, 1+random.IntN(n))
		for i := range b {
			b[i] = "0159"[random.IntN(4)]
		}
		return string(b)
	}
	for range 300 {
		type row struct {
			prefix, trunk string
			price         Micros
		}
		var rows []row
		var text strings.Builder
		text.WriteString("prefix,trunk,price\n")
		for range random.IntN(60) {
			r := row{digits(6), string(rune('a' + random.IntN(4))), Micros(random.IntN(1000)) * 1000}
			if slices.ContainsFunc(rows, func(o row) bool { return o.prefix == r.prefix && o.trunk == r.trunk }) {
				continue
			}
			rows = append(rows, r)
			fmt.Fprintf(&text, "%s,%s,0.%03d\n", r.prefix, r.trunk, r.price/1000)
		}
		d := mustDeck(t, text.String())
		for range 50 {
			number := digits(9)
			want := map[string]row{}
			for _, r := range rows {
				if strings.HasPrefix(number, r.prefix) && len(r.prefix) > len(want[r.trunk].prefix) {
					want[r.trunk] = r
				}
			}
			got := d.Rates(nil, number)
			if len(got) != len(want) || !slices.IsSortedFunc(got, func(a, b Rate) int { return int(a.Price - b.Price) }) {
				t.Fatalf("%s: %+v, want %+v", number, got, want)
			}
			for _, g := range got {
				if w := want[g.Trunk]; g.Prefix != w.prefix || g.Price != w.price {
					t.Fatalf("%s: %+v, want %+v", number, got, want)
				}
			}
		}
	}
}

func TestDeckRefusesWhole(t *testing.T) {
	for _, tt := range []struct{ name, text, says string }{
		{"empty", "", "line 1"},
		{"a column is missing", "prefix,price\n49,1\n", "columns prefix, trunk and price"},
		{"negative", "prefix,trunk,price\n49,a,0.1\n1,a,-0.1\n", "line 3: price"},
		{"no number", "prefix,trunk,price\n49,a,NaN\n", "line 2: price"},
		{"too much", "prefix,trunk,price\n49,a,1e300\n", "line 2: price"},
		{"letters", "prefix,trunk,price\n49a,a,1\n", "line 2: prefix"},
		{"no prefix", "prefix,trunk,price\n+,a,1\n", "line 2: prefix"},
		{"too long", "prefix,trunk,price\n1234567890123456,a,1\n", "line 2: prefix"},
		{"no trunk", "prefix,trunk,price\n49,,1\n", "line 2: trunk"},
		{"twice", "prefix,trunk,price\n49,a,1\n1,a,1\n+49,a,2\n", "line 4: prefix 49 of trunk a is in line 2 already"},
		{"a short line", "prefix,trunk,price\n49,a\n1,a,x\n", "line 3: price"},
		{"quotes", "prefix,trunk,price\n49,\"a,1\n", "line 2"},
		{"many faults", "prefix,trunk,price\n" + strings.Repeat("x,a,1\n", 100), "and 80 more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ReadDeck(strings.NewReader(tt.text))
			if d != nil || !errors.Is(err, ErrDeck) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q in it", err, tt.says)
			}
		})
	}
}

func FuzzReadDeck(f *testing.F) {
	f.Add("prefix,trunk,price\n49,a,0.01\n", "4930")
	f.Fuzz(func(t *testing.T, text, number string) {
		d, err := ReadDeck(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, r := range d.Rates(nil, number) {
			if !strings.HasPrefix(strings.TrimPrefix(number, "+"), r.Prefix) || r.Price < 0 {
				t.Errorf("%s has %+v", number, r)
			}
		}
	})
}

// million is a deck of 1 000 000 rows: 250 000 prefixes, four trunks.
func million() []byte {
	random := rand.New(rand.NewPCG(5, 6))
	var b bytes.Buffer
	b.WriteString("prefix,trunk,price\n")
	for i := range 250_000 {
		for _, trunk := range []string{"north", "south", "east", "west"} {
			fmt.Fprintf(&b, "%d,%s,0.%05d\n", 1_000_000+i*36, trunk, random.IntN(100_000))
		}
	}
	return b.Bytes()
}

func BenchmarkReadDeck(b *testing.B) {
	text := million()
	b.ReportAllocs()
	var d *Deck
	empty := held()
	for b.Loop() {
		var err error
		if d, err = ReadDeck(bytes.NewReader(text)); err != nil || d.Len() != 1_000_000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(held()-empty)/1e6, "MB-held")
	runtime.KeepAlive(d)
	runtime.KeepAlive(text)
}

// held is the memory that somebody still needs, in bytes.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkLeastCost is a whole decision: the rows, the prices, the order of four trunks.
func BenchmarkLeastCost(b *testing.B) {
	d, err := ReadDeck(bytes.NewReader(million()))
	if err != nil {
		b.Fatal(err)
	}
	t, err := Compile(Config{Deck: d, Rows: []Row{{To: "*", Deck: true}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := t.Candidates(Query{Number: "+100003600001", Draw: 1}); len(got) != 4 {
			b.Fatal(got)
		}
	}
}

// Budget: 1 µs and no allocation for a number that four trunks take.
func BenchmarkDeckRates(b *testing.B) {
	d, err := ReadDeck(bytes.NewReader(million()))
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 8))
	numbers := make([]string, 4096)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+%d%05d", 1_000_000+random.IntN(250_000)*36, random.IntN(100_000))
	}
	var dst []Rate
	i := 0
	for b.Loop() {
		dst = d.Rates(dst[:0], numbers[i%len(numbers)])
		i++
	}
	if len(dst) != 4 {
		b.Fatalf("%d trunks, want all four", len(dst))
	}
}
