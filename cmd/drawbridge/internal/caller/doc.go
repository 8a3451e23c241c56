// Package caller places one WebRTC call and proves that it was heard: SIP over WebSocket for the signalling, a full PeerConnection
// for the media, Opus with a sine tone in one direction and tones looked for in the other. The self-test and the call command use it.
//
// A run is the list of stages in caller.go; each waits for one thing and its time is noted. All waiting is bounded by one deadline.
//
// Goroutines: the caller's own runs the stages; the transaction core and the WebSocket have theirs; the peer connection has many, of
// which this package starts two: one sends the tone, one listens. Call returns when all have ended.
//
// Files: config.go, report.go, errors.go, caller.go (the stages), agent.go (SIP requests out and in), register.go and invite.go (what
// is said), auth.go (digest), media.go (the peer connection), ear.go (the tones).
package caller
