// Package echo is a telephone network in a process: a SIP trunk over real UDP sockets that answers every number, plays a short tone and
// then echoes what it hears. The demo calls it, and so does the self-test.
//
// Goroutines: the transport's readers and one shard of sip/txn, which owns every call; each call's stream adds a player and a reader.
//
// Files: config.go, echo.go (requests in), call.go (one call), answer.go (the 2xx until its ACK), callback.go (a call of our own),
// stream.go (RTP), ports.go (the socket pair).
package echo
