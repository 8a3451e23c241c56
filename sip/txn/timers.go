package txn

import "time"

// Fixed by RFC 3261 table 4 and RFC 6026 section 8.
const (
	T1 = 500 * time.Millisecond // round-trip estimate
	T2 = 4 * time.Second        // longest retransmission interval
	T4 = 5 * time.Second        // longest time a message stays in the network

	TimerB = 64 * T1          // INVITE client: no response
	TimerD = 32 * time.Second // INVITE client: absorbs final responses, unreliable
	TimerF = 64 * T1          // non-INVITE client: no final response
	TimerH = 64 * T1          // INVITE server: no ACK to a non-2xx
	TimerI = T4               // INVITE server: absorbs ACKs, unreliable
	TimerJ = 64 * T1          // non-INVITE server: absorbs requests, unreliable
	TimerL = 64 * T1          // INVITE server: passes ACKs to a 2xx
	TimerM = 64 * T1          // INVITE client: passes 2xx
)

// Chosen here.
const (
	tryingAfter = 150 * time.Millisecond // RFC 3261 section 17.2.1 allows 200 ms; some of it is spent on the way
	giveUp      = TimerF                 // a non-INVITE request is not worth an answer when the client's Timer F has fired (RFC 4320)
)

// backoff is the next retransmission interval of timers E and G.
func backoff(d time.Duration) time.Duration { return min(2*d, T2) }
