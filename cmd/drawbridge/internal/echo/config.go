package echo

import (
	"net/netip"
	"time"
)

// Config configures an Echo.
type Config struct {
	Addr    netip.AddrPort // SIP socket; RTP uses the same address. Port 0 picks one
	Gateway netip.AddrPort // where calls back are sent; nobody else's address is heard. The zero value hears everyone and never calls back
	Silent  bool           // answers, but sends no RTP: a broken trunk for the self-test
}

// Numbers with a meaning of their own. Any other number is answered.
const (
	numberRing     = "ring"     // rings until it is cancelled
	numberSilent   = "silent"   // answers, but sends no RTP
	numberCallback = "callback" // answers, and calls back when the caller has hung up
)

// refusals are numbers that are answered with a status.
var refusals = map[string]int{"busy": 486, "404": 404, "480": 480, "486": 486}

// Chosen here.
const (
	ringFor       = 200 * time.Millisecond // long enough to be seen ringing
	callbackAfter = time.Second
	toneFor       = time.Second
	toneFrequency = 620  // Hz
	toneAmplitude = 0.25 // of full scale
)
