package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
)

// sip upgrades to SIP over WebSocket (RFC 7118) and hands the connection on.
func (s *Server) sip(w http.ResponseWriter, r *http.Request) {
	if s.cfg.SIP == nil {
		http.NotFound(w, r)
		return
	}
	conn, done := s.upgrade(w, r, SIPProtocol)
	if conn == nil {
		return
	}
	defer done()
	s.cfg.SIP(r.Context(), conn, r.TLS != nil, localOf(r))
}

// upgrade answers 101 to a request that may have it: a WebSocket from an allowed origin that speaks protocol. All else is
// answered 426, 403 or 400 and counted, and conn is nil. The caller calls done at the end.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, protocol string) (conn *websocket.Conn, done func()) {
	if !isUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		http.Error(w, "this address speaks WebSocket", http.StatusUpgradeRequired)
		return nil, nil
	}
	if !s.mayUpgrade(r) {
		s.refused("ws-origin", remoteOf(r), "origin not allowed")
		http.Error(w, "forbidden", http.StatusForbidden)
		return nil, nil
	}
	if !slices.Contains(websocket.Subprotocols(r), protocol) {
		s.refused("ws-subprotocol", remoteOf(r), "subprotocol missing: "+protocol)
		http.Error(w, "WebSocket subprotocol "+protocol+" is required", http.StatusBadRequest)
		return nil, nil
	}
	if !s.visits.enter() {
		http.Error(w, "going away", http.StatusServiceUnavailable)
		return nil, nil
	}
	up := websocket.Upgrader{
		HandshakeTimeout:  headerTimeout,
		ReadBufferSize:    4 << 10,
		WriteBufferSize:   4 << 10,
		WriteBufferPool:   &s.buffers,
		Subprotocols:      []string{protocol},
		CheckOrigin:       func(*http.Request) bool { return true }, // done above
		EnableCompression: false,                                    // a small frame must not grow (T3)
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		s.visits.leave()
		s.refused("ws-limit", remoteOf(r), "upgrade not completed")
		return nil, nil
	}
	conn.SetReadLimit(maxFrame)
	return conn, func() {
		_ = conn.Close() // the peer is gone or has been told
		s.visits.leave()
	}
}

func isUpgrade(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// mayUpgrade checks the Origin, which browsers always send and pages cannot forge. The page's own origin and the configured ones
// are let in, by exact comparison.
func (s *Server) mayUpgrade(r *http.Request) bool {
	values := r.Header.Values("Origin")
	switch len(values) {
	case 0:
		return s.welcome.Load().AllowNoOrigin
	case 1:
		return strings.EqualFold(values[0], ownOrigin(r)) || slices.Contains(s.welcome.Load().Origins, values[0])
	default:
		return false
	}
}

// ownOrigin is the origin of a page that came from the same listener under the same name.
func ownOrigin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
