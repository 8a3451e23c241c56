package dialog

import (
	"strconv"
	"strings"
	"time"

	"drawbridge/sip/wire"
)

// Fixed by RFC 4028.
const (
	minSE       = 90 * time.Second // section 5: the least Min-SE
	minSEAbsent = 90 * time.Second // section 4: Min-SE when the header is absent
	guard       = 32 * time.Second // section 10: BYE is sent this much before expiry, or a third of the interval
	maxSeconds  = 1<<31 - 1
)

// Refresher is the side that has to refresh.
type Refresher uint8

// The refreshers. NoRefresher means that the session has no timer.
const (
	NoRefresher Refresher = iota
	Us
	Peer
)

// SessionTimer is a negotiated session timer, or what we would like when Refresher is NoRefresher: Interval 0 asks for none and still
// honours the peer's wish.
type SessionTimer struct {
	Interval  time.Duration // Session-Expires
	MinSE     time.Duration // least interval we accept; 0 means 90 s
	Refresher Refresher
}

// RefreshAfter is when the refresher sends its refresh, counted from the last one: half the interval (section 10).
func (t SessionTimer) RefreshAfter() time.Duration { return t.Interval / 2 }

// ExpireAfter is when the session is given up with a BYE if no refresh came (section 10).
func (t SessionTimer) ExpireAfter() time.Duration { return t.Interval - min(guard, t.Interval/3) }

func (t SessionTimer) floor() time.Duration { return max(t.MinSE, minSE) }

// Offer puts our wish into an INVITE or UPDATE (section 7.1): Supported, and Session-Expires with Min-SE when there is an interval.
// In a refresh, t is the running timer and the refresher is named.
func (t SessionTimer) Offer(m *wire.Message) {
	if !m.HasOption("Supported", "timer") {
		m.Add("Supported", "timer")
	}
	if t.Interval <= 0 {
		return
	}
	value := seconds(max(t.Interval, t.floor()))
	switch t.Refresher {
	case Us:
		value += ";refresher=uac"
	case Peer:
		value += ";refresher=uas"
	case NoRefresher: // the first offer leaves the choice to the peer
	}
	m.Set("Session-Expires", value)
	m.Set("Min-SE", seconds(t.floor()))
}

// Answer settles the timer as UAS of an INVITE or UPDATE (section 9). Status is 0 with the headers for our 2xx, 422 with Min-SE when the
// interval is too small, 400 when Session-Expires or Min-SE is malformed.
func (t SessionTimer) Answer(req *wire.Message) (agreed SessionTimer, fields []wire.Field, status int) {
	asked, refresher, ok := sessionExpires(req)
	least, okMin := leastInterval(req)
	if !ok || !okMin {
		return SessionTimer{}, nil, 400
	}
	supported := req.HasOption("Supported", "timer") || req.HasOption("Require", "timer")
	switch {
	case asked == 0 && t.Interval <= 0:
		return SessionTimer{MinSE: t.MinSE}, nil, 0
	case asked == 0:
		asked = max(t.Interval, least, t.floor())
	case asked < t.floor() && supported:
		return SessionTimer{}, []wire.Field{{Name: "Min-SE", Value: seconds(t.floor())}}, 422
	case asked < t.floor(): // erratum 1687: a refusal would not help a peer that does not know why
		asked = t.floor()
	case t.Interval > 0:
		asked = min(asked, max(t.Interval, least, t.floor())) // we may shorten it, never below Min-SE, and never lengthen it
	}
	if refresher == "" || !supported { // table 2: without support in the UAC it is always the UAS
		refresher = "uas"
		if supported {
			refresher = "uac"
		}
	}
	agreed = SessionTimer{Interval: asked, MinSE: t.MinSE, Refresher: Us}
	fields = []wire.Field{{Name: "Session-Expires", Value: seconds(asked) + ";refresher=" + refresher}}
	if refresher == "uac" {
		agreed.Refresher = Peer
		fields = append(fields, wire.Field{Name: "Require", Value: "timer"})
	}
	return agreed, fields, 0
}

// Learn settles the timer as UAC from the 2xx to our INVITE or UPDATE (section 7.2). Without Session-Expires there is no timer. An
// interval below the least the RFC allows is taken as that: no peer makes us refresh every second.
func (t SessionTimer) Learn(resp *wire.Message) SessionTimer {
	interval, refresher, ok := sessionExpires(resp)
	if !ok || interval == 0 {
		return SessionTimer{MinSE: t.MinSE}
	}
	agreed := SessionTimer{Interval: max(interval, minSE), MinSE: t.MinSE, Refresher: Us}
	if refresher == "uas" {
		agreed.Refresher = Peer
	}
	return agreed
}

// Raise returns the wish for one retry after a 422 (section 7.3). ok is false when the 422 does not ask for more than was offered.
func (t SessionTimer) Raise(resp *wire.Message) (next SessionTimer, ok bool) {
	least, okMin := leastInterval(resp)
	if !okMin || !resp.Has("Min-SE") || least <= max(t.Interval, t.floor()) {
		return t, false
	}
	t.MinSE, t.Interval = max(t.MinSE, least), max(t.Interval, least)
	return t, true
}

// sessionExpires reads Session-Expires: 0 when absent, ok false when malformed.
func sessionExpires(m *wire.Message) (interval time.Duration, refresher string, ok bool) {
	v := m.Get("Session-Expires")
	if v == "" {
		return 0, "", !m.Has("Session-Expires")
	}
	number, rest, _ := strings.Cut(v, ";")
	if interval, ok = parseSeconds(number); !ok || interval == 0 {
		return 0, "", false
	}
	for p := range strings.SplitSeq(rest, ";") {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(name, "refresher") {
			refresher = strings.ToLower(value)
		}
	}
	if refresher != "" && refresher != "uac" && refresher != "uas" {
		return 0, "", false
	}
	return interval, refresher, true
}

// leastInterval reads Min-SE, 90 s when absent.
func leastInterval(m *wire.Message) (time.Duration, bool) {
	v, _, _ := strings.Cut(m.Get("Min-SE"), ";")
	if v == "" {
		return minSEAbsent, true
	}
	return parseSeconds(v)
}

func parseSeconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil || n > maxSeconds {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
