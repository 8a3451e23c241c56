// Package transport owns the signalling sockets: the UDP listeners of the realms and the WebSocket flows that web hands over. It
// frames messages, keeps connections alive and bounded, and gives what comes in to a txn.Receiver in arrival order. It does not look
// into messages.
//
// Files: transport.go (New, Run, which socket serves whom), udp.go, ws.go (a WebSocket's life), queue.go (the bounded way out),
// dial.go (the client side), limits.go (how many flows), config.go, errors.go.
//
// Goroutines: one reader for each UDP socket, under Run; one reader, the caller of ServeWS, and one writer for each WebSocket.
// Nobody who sends is ever blocked by a peer: a WebSocket that does not take its messages is closed.
package transport
