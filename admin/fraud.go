package admin

import "net/http"

// frauds lists the accounts that fraud rules have blocked.
func (s *Server) frauds(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Blocks == nil {
		text(w, http.StatusNotFound, "no fraud rules")
		return
	}
	s.json(w, s.cfg.Blocks())
}

// unblock lets an account call again.
func (s *Server) unblock(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Unblock == nil {
		text(w, http.StatusNotFound, "no fraud rules")
		return
	}
	n := s.cfg.Unblock(r.PathValue("account"))
	if n == 0 {
		text(w, http.StatusNotFound, "that account is not blocked")
		return
	}
	s.json(w, map[string]int{"unblocked": n})
}
