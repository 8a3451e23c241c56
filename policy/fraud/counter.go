package fraud

import (
	"math"
	"time"
)

// Counter is what is remembered of one account, one rule and one prefix. The zero Counter has seen nothing. Nothing but its methods touches
// it, and they do not lock.
type Counter struct {
	minute, hour, day   ring[uint16]
	unanswered, quick   ring[uint16]
	spentHour, spentDay ring[float64]
	networks            [4]visit
	open                int     // attempts and calls that have not ended
	rate                float64 // money a minute of the calls that are up
	settled             int64   // up to when they are in spentHour and spentDay, in ns
	last                uint64  // number called last
	lastAt              int64   // and when, in s
	inRow               int     // attempts to it, one after the other
	blocked             int64   // until, in s
	warned, alarmed     uint16  // kinds that are beyond a limit and have been told, a bit each
}

// visit is a network that an account was seen in.
type visit struct {
	network uint64
	at      int64
}

// Chosen here.
const (
	rowRest  = 3600             // s: after that a number is called anew, not again
	lookMost = 15 * time.Second // between two looks at a call that costs money: others may have begun
	lookOnce = 100 * time.Millisecond
)

// Try counts an attempt and judges it. An attempt that is refused holds nothing; any other one holds a place until End.
func (c *Counter) Try(w *Watch, now time.Time) Verdict {
	at := now.Unix()
	if c.blocked > at {
		return Verdict{Refuse: true, Until: time.Unix(c.blocked, 0)}
	}
	c.settle(now)
	c.minute.add(at/ofMinute, 1)
	c.hour.add(at/ofHour, 1)
	c.day.add(at/ofDay, 1)
	if c.last != w.number || at-c.lastAt > rowRest {
		c.inRow = 0
	}
	c.last, c.lastAt = w.number, at
	c.inRow++
	c.open++
	v := c.judge(w, now, c.values(w, at))
	if v.Refuse {
		c.open--
	}
	return v
}

// values are what an attempt is judged by.
func (c *Counter) values(w *Watch, at int64) (out Limits) {
	out[PerMinute] = c.minute.sum(at / ofMinute)
	out[PerHour] = c.hour.sum(at / ofHour)
	out[PerDay] = c.day.sum(at / ofDay)
	out[Concurrent] = float64(c.open)
	out[Sequential] = float64(c.inRow)
	out[Networks] = float64(c.visited(w.network, at))
	out[SpendHour] = c.spentHour.sum(at / ofHour)
	out[SpendDay] = c.spentDay.sum(at / ofDay)
	out[Unanswered] = c.unanswered.sum(at / ofHour)
	out[Quick] = c.quick.sum(at / ofHour)
	return out
}

// visited notes a network and counts those of the last hour. There is room for so many as anybody has a reason to use.
func (c *Counter) visited(network uint64, at int64) (n int) {
	if network == mark("") {
		return 0
	}
	oldest, known := 0, false
	for i := range c.networks {
		v := &c.networks[i]
		if v.network == network {
			v.at, known = at, true
		}
		if v.at < c.networks[oldest].at {
			oldest = i
		}
	}
	if !known {
		c.networks[oldest] = visit{network, at}
	}
	for _, v := range c.networks {
		if v.at > 0 && at-v.at < rowRest {
			n++
		}
	}
	return n
}

// Answer notes that the call is up, so long after its INVITE.
func (c *Counter) Answer(w *Watch, now time.Time, after time.Duration) Verdict {
	c.settle(now)
	c.rate += w.price
	if after < FalseAnswer {
		c.quick.add(now.Unix()/ofHour, 1)
	}
	return c.Look(w, now, 0)
}

// Look judges a call that has been up for so long, and says when to look again.
func (c *Counter) Look(w *Watch, now time.Time, up time.Duration) Verdict {
	c.settle(now)
	at := now.Unix()
	var seen Limits
	seen[Duration] = up.Seconds()
	seen[SpendHour], seen[SpendDay] = c.spentHour.sum(at/ofHour), c.spentDay.sum(at/ofDay)
	seen[Quick] = c.quick.sum(at / ofHour)
	v := c.judge(w, now, seen)
	v.Next = c.next(w, seen)
	v.Refuse = v.end
	return v
}

// next is when a limit of a call that goes on may be passed.
func (c *Counter) next(w *Watch, seen Limits) time.Duration {
	least := math.Inf(1)
	for _, limits := range []*Limits{&w.rule.Warning, &w.rule.Critical} {
		if limit := limits[Duration]; limit > 0 && seen[Duration] <= limit {
			least = min(least, limit-seen[Duration])
		}
		for _, kind := range []Kind{SpendHour, SpendDay} {
			if limit := limits[kind]; limit > 0 && c.rate > 0 && seen[kind] <= limit {
				least = min(least, (limit-seen[kind])/c.rate*60, lookMost.Seconds())
			}
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return time.Duration(least*float64(time.Second)) + lookOnce
}

// End gives back the place of an attempt. answered says that it was up; rang is how long it rang otherwise, and cancelled that the caller
// gave up.
func (c *Counter) End(w *Watch, now time.Time, e Ending) Verdict {
	c.settle(now)
	c.open = max(0, c.open-1)
	if e.Answered {
		c.rate = max(0, c.rate-w.price)
	}
	if c.open == 0 {
		c.rate = 0 // and what rounding has left
	}
	if e.Answered || !e.Cancelled || e.Rang >= Ring {
		return Verdict{}
	}
	at := now.Unix()
	c.unanswered.add(at/ofHour, 1)
	var seen Limits
	seen[Unanswered] = c.unanswered.sum(at / ofHour)
	return c.judge(w, now, seen)
}

// Ending is how an attempt ended.
type Ending struct {
	Answered  bool
	Cancelled bool          // the caller gave up
	Rang      time.Duration // from the INVITE on
}

// settle charges the calls that are up for the time since the last settling.
func (c *Counter) settle(now time.Time) {
	at := now.UnixNano()
	if c.rate > 0 && at > c.settled && c.settled > 0 {
		cost := c.rate * time.Duration(at-c.settled).Minutes()
		c.spentHour.add(now.Unix()/ofHour, cost)
		c.spentDay.add(now.Unix()/ofDay, cost)
	}
	c.settled = max(at, c.settled)
}

// judge holds what was seen against the limits. A limit that is passed is told once, until it is kept again; a block that begins is always
// told, and so is a call that the rule does not allow.
func (c *Counter) judge(w *Watch, now time.Time, seen Limits) (v Verdict) {
	if w.rule.Deny {
		seen[Denied] = 1
	}
	for kind := range numKinds {
		value, bit := seen[kind], uint16(1)<<kind
		if value == 0 {
			continue
		}
		critical := beyond(value, w.rule.Critical[kind]) || kind == Denied
		warning := critical || beyond(value, w.rule.Warning[kind])
		begins := critical && kind.blocks() && w.rule.Block > 0 && c.blocked <= now.Unix()
		switch {
		case critical && (c.alarmed&bit == 0 || begins || kind == Denied):
			v.Alarms = append(v.Alarms, Alarm{Critical, kind, value, w.rule.Critical[kind]})
		case warning && !critical && c.warned&bit == 0:
			v.Alarms = append(v.Alarms, Alarm{Warning, kind, value, w.rule.Warning[kind]})
		}
		c.alarmed = set(c.alarmed, bit, critical)
		c.warned = set(c.warned, bit, warning)
		v.Refuse = v.Refuse || critical && w.rule.Block > 0
		v.end = v.end || critical && kind.ends() && w.rule.End
		if begins {
			c.blocked = now.Add(w.rule.Block).Unix()
			v.Until = time.Unix(c.blocked, 0)
		}
	}
	return v
}

func beyond(value, limit float64) bool { return limit > 0 && value > limit }

func set(bits, bit uint16, on bool) uint16 {
	if on {
		return bits | bit
	}
	return bits &^ bit
}

// Blocked is until when the account is blocked for the prefix; zero when it is not.
func (c *Counter) Blocked(now time.Time) time.Time {
	if c.blocked <= now.Unix() {
		return time.Time{}
	}
	return time.Unix(c.blocked, 0)
}

// Open is the number of attempts and calls that hold a place.
func (c *Counter) Open() int { return c.open }

// Unblock ends a block.
func (c *Counter) Unblock() { c.blocked = 0 }

// Idle reports whether a counter says no more than one that has seen nothing, so that it may be forgotten.
func (c *Counter) Idle(now time.Time) bool {
	at := now.Unix()
	return c.open == 0 && c.blocked <= at && c.day.sum(at/ofDay) == 0 && c.spentDay.sum(at/ofDay) == 0
}

// Weight is how much would be lost with it: the attempts of the day, and more than any number of them for calls or a block that it holds.
func (c *Counter) Weight(now time.Time) float64 {
	const held = 1 << 32
	at := now.Unix()
	w := c.day.sum(at / ofDay)
	if c.open > 0 || c.blocked > at {
		w += held
	}
	return w
}
