package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAskAdmin: an address may stand as it is or as a URL; a refusal is told in the words of the gateway, and is another thing than silence.
func TestAskAdmin(t *testing.T) {
	port := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/acl" {
			http.Error(w, "at: nothing of the kind", http.StatusBadRequest)
			return
		}
		_, _ = w.Write(append([]byte(r.Method+" "), body...)) // the client is the test
	}))
	address := port.Listener.Addr().String()
	for _, host := range []string{address, "http://" + address, "http://" + address + "/"} {
		out, err := askAdmin(t.Context(), http.MethodPost, host, "/v1/acl", []byte("{}"))
		if err != nil || string(out) != "POST {}" {
			t.Errorf("%s: %q, %v", host, out, err)
		}
	}
	_, err := askAdmin(t.Context(), http.MethodGet, address, "/v1/route/explain?at=noon", nil)
	if !errors.Is(err, errAdmin) || !strings.HasSuffix(err.Error(), ": at: nothing of the kind") {
		t.Errorf("a refusal: %v", err)
	}
	port.Close()
	if _, err := askAdmin(t.Context(), http.MethodGet, address, "/v1/acl", nil); err == nil || errors.Is(err, errAdmin) {
		t.Errorf("nobody listens: %v", err)
	}
}
