// Package web is the public HTTPS port: the phone page and drawbridge.js, the WebSocket upgrade for SIP (RFC 7118) and the JSON
// signalling of docs/signalling-v1.md.
//
// The way in, in order:
//
//  1. door      accept, count the source, close what is over its share; never waits for anybody
//  2. TLS       in the connection's own goroutine, 5 s
//  3. headers   5 s, 16 kB
//  4. upgrade   Host, Origin, subprotocol, then the 101; compression stays off
//  5. SIP       the connection is handed to Config.SIP (sip/transport)
//     or hello  the JSON line proves who it is within 15 s, then signals pass both ways
//
// Goroutines: one accept loop per listener and one per connection (net/http's); a JSON line has a second one that owns all its
// writes. Run returns when every one of them has ended.
//
// Files: config.go, errors.go, server.go (New, Run, the routes), door.go and source.go (steps 1 and 2), upgrade.go (step 4),
// line.go and hello.go (a JSON line's life), message.go (its messages), lines.go (who is here), page.go and headers.go (the static
// files), static/ (the page itself).
package web
