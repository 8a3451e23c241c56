package admin

import (
	"errors"
	"net/http"
)

// ErrState wraps what cannot be done as the gateway is now.
var ErrState = errors.New("not now")

// reload reads the configuration again: 200 with the version in force, 422 when it is refused, 409 when this is not the time.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Reload == nil {
		text(w, http.StatusNotFound, "no configuration to read again")
		return
	}
	v, err := s.cfg.Reload(r.Context())
	switch {
	case errors.Is(err, ErrState):
		text(w, http.StatusConflict, err.Error())
	case err != nil:
		text(w, http.StatusUnprocessableEntity, err.Error())
	default:
		s.json(w, v)
	}
}
