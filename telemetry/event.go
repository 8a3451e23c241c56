package telemetry

import "time"

// Cause is the one reason a call ended (RFC 3326): it becomes the Reason header, the log line and the CDR field.
type Cause struct {
	SIP  int    // final SIP status, 0 when a confirmed call ended normally
	Q850 int    // ITU-T Q.850 cause
	Text string // short, never quotes a message
	By   string // "a", "b", "gateway": who ended it
}

// Leg is what a CDR says of one side.
type Leg struct {
	Realm     string `json:"realm,omitempty"`
	Peer      string `json:"peer,omitempty"`   // trunk or account name, never an address
	Trunk     bool   `json:"-"`                // it is a trunk
	Kind      string `json:"kind,omitempty"`   // "sip" or "json"
	CallID    string `json:"callId,omitempty"` // the dialog's Call-ID
	Codec     string `json:"codec,omitempty"`
	Media     string `json:"media,omitempty"` // "webrtc", "rtp", or SRTP on a port of its own by its keys: "sdes", "dtls"
	PacketsIn uint64 `json:"packetsIn"`
	OctetsIn  uint64 `json:"octetsIn"`
	// PacketsOut counts packets that left the gateway on this leg.
	PacketsOut uint64  `json:"packetsOut"`
	Lost       uint64  `json:"lost"`     // packets, from sequence numbers
	JitterMS   float64 `json:"jitterMs"` // RFC 3550 interarrival jitter
	RTTMS      float64 `json:"rttMs,omitempty"`

	AudioIn  string   `json:"audioIn,omitempty"`  // whether the peer is heard, and why not: a word of docs/quality.md
	AudioOut string   `json:"audioOut,omitempty"` // whether the peer hears
	In       *Quality `json:"in,omitempty"`       // of the peer's audio, measured here
	Out      *Quality `json:"out,omitempty"`      // of ours, as the peer reports it
}

// Quality is how one direction of a leg sounds. R and MOS are those of the E-model (ITU-T G.107).
type Quality struct {
	LossPct  float64 `json:"lossPct"`            // packets lost of those due, per cent
	BurstR   float64 `json:"burstR,omitempty"`   // how much more often than at random losses follow each other
	BurstPct float64 `json:"burstPct,omitempty"` // lost within bursts (RFC 3611), per cent
	BurstMS  float64 `json:"burstMs,omitempty"`  // mean length of a burst
	JitterMS float64 `json:"jitterMs"`
	R        float64 `json:"r"`
	MOS      float64 `json:"mos"`
	PeerMOS  float64 `json:"peerMos,omitempty"` // what the peer itself says (RFC 3611); of Out only
}

// CallStarted is emitted when a call attempt has been given an id, before admission.
type CallStarted struct {
	Call string
	At   time.Time
	From string
	To   string

	Realm, Peer string // of the caller, as in Leg
}

// CallAnswered is emitted when the caller's side has its 2xx.
type CallAnswered struct {
	Call string
	At   time.Time
}

// Version names a configuration: how many have been in force since the start, and a digest of what it says, secrets left out.
type Version struct {
	Number int    `json:"number"`
	Digest string `json:"digest"` // "" when nobody has made one
}

// CallEnded carries the CDR. It is emitted once for every call attempt, refused ones included.
type CallEnded struct {
	Call     string
	From, To string
	Start    time.Time
	Answer   time.Time     // zero when never answered
	End      time.Time     //
	Duration time.Duration // answer to end, from the monotonic clock
	Setup    time.Duration // INVITE to 2xx or to the final failure
	Cause    Cause
	Rule     string  // the policy rule that refused it, "" otherwise
	Config   Version // that the call has begun with
	Transfer string  // the call that a transfer began with, the same for all the calls that it joins; "" without one
	A, B     Leg
	Attempts []Attempt // what was called, in order; none when the first target has answered
}

// Attempt is one target that a call was sent to, or was not because of a rule.
type Attempt struct {
	Peer   string    `json:"peer"`             // trunk or account
	Target string    `json:"target,omitempty"` // of a trunk, such as udp:198.51.100.7:5060
	Start  time.Time `json:"start"`
	MS     int64     `json:"ms"`               // to the answer, or to the end of the attempt
	Status int       `json:"status,omitempty"` // its final response; 0: none came
	Q850   int       `json:"q850,omitempty"`
	Text   string    `json:"text,omitempty"` // why it was left
	Rule   string    `json:"rule,omitempty"` // that it was not called by
}

// Rejected is a request refused by policy or authentication; Status is what the peer was told, 0 for silence.
type Rejected struct {
	Realm, Source, Method string
	Status                int
	Rule                  string
}

// Registered and Unregistered follow a binding.
type Registered struct {
	AOR, Transport string
	Expires        time.Duration
}

// Unregistered says why a binding went: "expired", "removed", "flow", "account" (there is none of that name any more).
type Unregistered struct{ AOR, Why string }

// Refused is a connection, handshake, datagram or message turned away at an edge. Kind is a short stable word, for metrics:
// "ws-origin", "ws-subprotocol", "ws-limit", "json-hello", "unproved", "stream-limit", "tls", "tls-peer", "dns-inside", "malformed",
// "amplified", "unknown-source", "overload", "limited", "dtls-fingerprint", "dtls-unvalidated", "dtls-handshake", "stun-integrity", "stun-replay",
// "rtp-source", "srtp-auth", "srtp-replay", "rtp-malformed", "stray", "scanner", "unanswered", "challenge", "acl", ... Count is how many it stands for (bursts are summed).
type Refused struct {
	Kind   string
	Realm  string
	Source string // address, may be ""
	Call   string // call id when known
	Detail string // one line, no payload
	Count  uint64
}

// Alarmed tells that a source has done something often enough to be an alarm; once for each severity while it goes on.
type Alarmed struct {
	Severity      string // "minor", "major", "critical"
	Class, Reason string // of policy/shield
	Realm, Source string
	Detail        string // such as the name that a scanner gives itself
	Count         int    // offences within the window
}

// Denied tells that a source is not heard any more for a while.
type Denied struct {
	Class, Reason string
	Realm, Source string
	Detail        string
	TTL           time.Duration // 0: for ever
	Count         int           // offences within the window; 0 when somebody has asked for it
}

// MediaUp tells that a leg has passed a stage: "ice", "dtls", "rtp".
type MediaUp struct {
	Call  string
	Leg   string // "a" or "b"
	Stage string
	At    time.Time
}

// AudioMissing tells why there is no audio in one direction of a leg of an answered call; once for each reason. Why is a word of
// docs/quality.md: "nothing-came", "stopped", "reports-only", "wrong-source", "no-ice", "no-keys", "wrong-keys", "payload-type", "malformed",
// "not-received".
type AudioMissing struct {
	Call      string
	Leg       string // "a" or "b"
	Direction string // "in": from the peer; "out": to it
	Why       string
	Realm     string
	At        time.Time
}

// Fraud tells that the calls of an account towards a prefix have passed a limit of a fraud rule; once each time.
type Fraud struct {
	Level   string // "warning" or "critical"
	Call    string
	Rule    string // without "fraud/"
	Account string // account or trunk that is counted
	Prefix  string // that the rule counts; "" is every number
	Number  string // the called one
	Kind    string // what was counted: a word of docs/fraud.md, such as "per_minute"
	Value   float64
	Limit   float64
	Action  string    // what becomes of the call: "none", "refused", "ended"
	Until   time.Time // when the block of the account for the prefix ends; zero: there is none
	At      time.Time
}

// Lifecycle is a fact about the process: "started", "draining", "stopped", "panic", and of the call records' file "records refused" and "records
// written again".
type Lifecycle struct{ What, Detail string }
