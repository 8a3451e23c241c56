package b2bua

import "time"

// Fixed by RFC 3261: table 4, sections 13.3.1.1, 13.3.1.4 and 16.6.
const (
	t1           = 500 * time.Millisecond
	t2           = 4 * time.Second
	lifetime     = 64 * t1           // 2xx waits for its ACK, CANCEL for its final response, a tombstone for stragglers
	timerC       = 185 * time.Second // longer than 3 minutes
	ringInterval = 60 * time.Second  // a provisional response each minute keeps proxies from cancelling
)

// Chosen here.
const (
	ringLimit     = 90 * time.Second // longer than carriers' own 60 s no-answer
	impatience    = 3 * time.Second  // to the first response of a target when another one waits
	mediaRetry    = 5 * time.Second  // Retry-After when no media ports are left: they rest a while after a call
	lookupLimit   = 6 * time.Second  // to the hops of a target: the resolver gives up before
	sessionLength = 30 * time.Minute // Session-Expires that we ask for (RFC 4028 section 4 suggests it)
)

// TimerKind names a duty of a timer. A leg or call has at most one of each.
type TimerKind uint8

const (
	ringTimer       TimerKind = iota // call: nobody answers, has reserved, or says how a transfer went
	lookupTimer                      // call: DNS does not answer
	progressTimer                    // UAC: Timer C
	patienceTimer                    // UAC: no response at all while another target waits
	refreshTimer                     // UAS: repeat the 1xx
	repeatTimer                      // UAS: repeat the 2xx
	ackTimer                         // UAS: give up on the ACK
	cancelTimer                      // UAC: give up on the answer to a cancelled INVITE
	sessionTimer                     // refresh the session
	expiryTimer                      // the session has expired
	glareTimer                       // try the re-INVITE again after 491
	prackTimer                       // UAS: repeat the reliable 18x
	prackLimitTimer                  // UAS: give up on its PRACK
)

// Timer is the key of a running timer.
type Timer struct {
	Leg  LegID
	Kind TimerKind
}
