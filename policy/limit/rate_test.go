package limit

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// The acceptance of QOS-03: 10/s with a burst of 20, offered 15 a second for a minute.
func TestSteadyOverload(t *testing.T) {
	r := PerSecond(10, 20)
	var c Cell
	admitted := 0
	for i := range 900 {
		var wait time.Duration
		if c, wait = r.Take(c, int64(time.Hour)+int64(i)*int64(time.Second)/15); wait == 0 {
			admitted++
		}
	}
	if admitted < 608 || admitted > 632 {
		t.Errorf("%d admitted, want 620 within 2 %%", admitted)
	}
}

// However the attempts come, no window admits more than its burst and its share.
func TestNeverMoreThanTheRate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		r := Rate{Every: time.Duration(1+random.IntN(1000)) * time.Millisecond, Burst: 1 + random.IntN(20)}
		now, c := int64(time.Hour), Cell(0)
		var taken []int64
		for range 500 {
			now += random.Int64N(int64(r.Every))
			var wait time.Duration
			was := c
			if c, wait = r.Take(c, now); wait == 0 {
				taken = append(taken, now)
				continue
			}
			if c != was {
				t.Fatal("a refusal costs something")
			}
			if _, again := r.Take(c, now+int64(wait)); again != 0 {
				t.Fatalf("%v: after the wait of %v it is %v more", r, wait, again)
			}
		}
		for i := range taken {
			for k := i; k < len(taken); k++ {
				if share := int64(r.Burst) + (taken[k]-taken[i])/int64(r.Every); int64(k-i+1) > share {
					t.Fatalf("%v: %d within %v", r, k-i+1, time.Duration(taken[k]-taken[i]))
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Rate{
		"10/s":   {Every: 100 * time.Millisecond, Burst: 10},
		"5/30s":  {Every: 6 * time.Second, Burst: 5},
		"100/m":  {Every: 600 * time.Millisecond, Burst: 100},
		"0.5/s":  {Every: 2 * time.Second, Burst: 1},
		" 2 / h": {Every: 30 * time.Minute, Burst: 2},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "10/0s", "-1/s", "0/s", "NaN/s", "Inf/s", "10/-1s", "10/s/s", "1e300/s", "10/", "/s", "10/x"} {
		if got, err := Parse(text); !errors.Is(err, ErrRate) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("10/s")
	f.Add("5/30s")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err == nil && (r.Every <= 0 || r.Burst < 1) {
			t.Errorf("%q: %+v", text, r)
		}
	})
}
