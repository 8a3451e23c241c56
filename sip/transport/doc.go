// Package transport owns the signalling sockets: the UDP, TCP and TLS listeners of the realms, the connections that are made out of them,
// and the WebSocket flows that web hands over. It frames messages, keeps connections alive and bounded, and gives what comes in to a
// txn.Receiver in arrival order. It does not look into messages.
//
// Files: transport.go (New, Run, which socket serves whom), listening.go (the sockets that are open), change.go (other listeners while
// it runs), udp.go, datagrams.go (its system calls), answers.go (what is answered at once), returned.go (what comes back undelivered), stun.go
// (keepalive over UDP), large.go (what a datagram is too small for), accept.go (who may connect), streams.go (connections that are open, and how one is found or dialled),
// stream.go (a connection's life), reader.go (its reading side), frame.go (messages out of a byte stream), tls.go (handshakes), identity.go
// (whom a certificate names), keys.go (certificates on disk), ws.go (a WebSocket's life), dial.go (its client side), queue.go (the bounded way
// out), guard.go (time to prove oneself, pace), limits.go (how many, how much), sockets.go, mark.go (DSCP), config.go, errors.go.
//
// Goroutines: under Run one reader for each UDP socket, one for each listener, one that looks at certificates; one reader and one writer for
// each TCP or TLS connection; one reader, the caller of ServeWS, and one writer for each WebSocket. Nobody who sends is ever blocked by a
// peer: a connection that does not take its messages is closed, and a connection that is being made takes them in the meantime.
package transport
