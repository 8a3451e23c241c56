package shield

import "time"

// Severity of an alarm.
type Severity uint8

// The severities; None is no alarm.
const (
	None Severity = iota
	Minor
	Major
	Critical
)

func (s Severity) String() string { return [...]string{"", "minor", "major", "critical"}[s] }

// Rule says how many offences of a class within a window are an alarm and how many a ban. A threshold of 0 is never reached.
type Rule struct {
	Window                 time.Duration
	Minor, Major, Critical int
	Deny                   int
	Period                 time.Duration // of the ban
	Grace                  time.Duration // nobody is banned so soon after the first offence: what makes up for it may be on its way
}

// Table has a rule for each class.
type Table [numClasses]Rule

// Defaults are the rules that hold unless the operator has others. Chosen here: 15 and 25 malformed messages, six wrong passwords and 60 s are
// SEC-03's and SEC-01's; the rest is beyond what an office of phones behind one address does by mistake in half a minute.
func Defaults() Table {
	const window, period = 30 * time.Second, time.Minute
	return Table{
		Abuse:      {Window: window, Minor: 20, Deny: 60, Period: period},
		Malformed:  {Window: window, Minor: 15, Deny: 25, Period: period},
		Auth:       {Window: window, Minor: 6, Deny: 20, Period: period},
		Unanswered: {Window: window, Minor: 10, Deny: 20, Period: period, Grace: time.Second},
		Establish:  {Window: window, Minor: 20, Deny: 60, Period: period},
		Abnormal:   {Window: window, Minor: 50, Deny: 200, Period: period},
		Scanner:    {Window: window, Minor: 1, Deny: 5, Period: period},
		Signal:     {Window: window, Deny: 1, Period: period},
	}
}

// Tally counts offences of one class within a sliding window: those of the window that runs, and of the one before by how much of it is
// still inside.
type Tally struct {
	start     int64 // of the window that runs
	cur, prev uint16
	told      Severity // the worst that has been raised since it was quiet
}

// most is as far as a tally counts.
const most = 1<<16 - 1

// at moves a tally to now.
func (t Tally) at(now int64, window time.Duration) Tally {
	switch past := now - t.start; {
	case t.cur == 0 && t.prev == 0 || past >= 2*int64(window):
		return Tally{start: now}
	case past >= int64(window):
		return Tally{start: t.start + int64(window), prev: t.cur, told: t.told}
	}
	return t
}

// count is how many there are within the window that ends now.
func (t Tally) count(now int64, window time.Duration) int {
	left := float64(int64(window)-(now-t.start)) / float64(window)
	return int(t.cur) + int(float64(t.prev)*left)
}

// Verdict is what an offence leads to.
type Verdict struct {
	Alarm Severity      // None: nothing new
	Deny  time.Duration // 0: no ban
	Count int           // offences within the window
}

// judge counts an offence. A patient rule has its thresholds multiplied by factor; a source that must not be banned has its severity
// raised instead.
func (r Rule) judge(t Tally, now int64, factor int, spared bool) (Tally, Verdict) {
	t = t.at(now, r.Window)
	young := r.young(t, now)
	t.cur = min(t.cur, most-1) + 1
	v := Verdict{Count: t.count(now, r.Window)}
	severity := r.severity(v.Count, factor)
	if r.Deny > 0 && v.Count >= r.Deny*factor && !young {
		if !spared {
			v.Deny = r.Period
			return Tally{}, v
		}
		severity = min(severity+1, Critical)
	}
	if severity > t.told {
		v.Alarm, t.told = severity, severity
	}
	return t, v
}

// young reports whether the first offence was so lately that nobody is banned yet.
func (r Rule) young(t Tally, now int64) bool { return t.prev == 0 && now-t.start < int64(r.Grace) }

func (r Rule) severity(count, factor int) Severity {
	reached := func(threshold int) bool { return threshold > 0 && count >= threshold*factor }
	switch {
	case reached(r.Critical):
		return Critical
	case reached(r.Major):
		return Major
	case reached(r.Minor):
		return Minor
	}
	return None
}
