package admin

import (
	"errors"
	"io"
	"net/http"
)

// Errors of Lists, by whose fault it is.
var (
	ErrRequest = errors.New("bad request")      // 400
	ErrAbsent  = errors.New("not found")        // 404
	ErrForce   = errors.New("refused as it is") // 409: force would do it
)

// maxBody bounds a request, in bytes.
const maxBody = 16 << 10

// Lists are the access lists. A zero Lists serves none.
type Lists struct {
	All    func() any
	Add    func(body []byte) error // JSON: {"list", "kind", "value", "ttl", "reason", "force"}
	Remove func(list, kind, value string) error
}

func (s *Server) lists(mux *http.ServeMux) {
	l := s.cfg.Lists
	if l.All == nil {
		return
	}
	mux.HandleFunc("GET /v1/acl", func(w http.ResponseWriter, _ *http.Request) { s.json(w, l.All()) })
	mux.HandleFunc("POST /v1/acl", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = l.Add(body)
		}
		outcome(w, err)
	})
	mux.HandleFunc("DELETE /v1/acl", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		outcome(w, l.Remove(q.Get("list"), q.Get("kind"), q.Get("value")))
	})
}

// outcome answers a change.
func outcome(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrAbsent):
		text(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrForce):
		text(w, http.StatusConflict, err.Error())
	default:
		text(w, http.StatusBadRequest, err.Error())
	}
}
