package b2bua

import "net/netip"

// SignalType is a message type of the JSON signalling, version 1 (docs/signalling-v1.md). web encodes and decodes them.
type SignalType string

const (
	SignalCall    SignalType = "call"    // client: place a call (To, SDP offer); gateway: a call comes in (From, SDP offer)
	SignalRinging SignalType = "ringing" // gateway: the far side rings; client: the page rings
	SignalAnswer  SignalType = "answer"  // SDP answer to the call's offer, either way
	SignalDTMF    SignalType = "dtmf"    // client: Digits to send; gateway: a digit has come in
	SignalHold    SignalType = "hold"    // client: re-offer with On; gateway: the answer to it, or a notice (no SDP) that the far side holds
	SignalStage   SignalType = "stage"   // gateway: the call's media passed Stage: "ice", "dtls", "rtp"
	SignalBye     SignalType = "bye"     // either way: hang up, decline or cancel; Status and Reason say why
	SignalError   SignalType = "error"   // gateway: a message could not be served
)

// Signal is one JSON signalling message as a value. Call is an id chosen by whoever sent SignalCall, unique on its line.
type Signal struct {
	Type   SignalType
	Call   string
	From   string // number or user, no host
	To     string
	SDP    string
	Digits string
	On     bool
	Stage  string
	Status int // SIP status of a bye or an error, 0 for a normal end
	Reason string
}

// Line is one authenticated JSON signalling connection. web implements it.
type Line interface {
	Send(Signal)        // never blocks; a full queue closes the line
	ID() uint64         // unique in the process
	User() string       // authenticated account
	Remote() netip.Addr // where the browser is
	Realm() string
}
