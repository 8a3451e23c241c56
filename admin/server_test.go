package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, change func(*Config)) string {
	t.Helper()
	cfg := Config{
		Listen:  "127.0.0.1:0",
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "drawbridge_up 1\n") }),
		Info:    func() any { return map[string]string{"version": "test"} },
		Calls:   func(_ context.Context, limit int) any { return map[string]int{"limit": limit} },
		Call: func(_ context.Context, id string) any {
			if id != "c1" {
				return nil
			}
			return map[string]string{"call": id}
		},
		Draining: func() bool { return false },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return "http://" + s.Addr().String()
}

func get(t *testing.T, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestAnswers(t *testing.T) {
	var draining atomic.Bool
	url := start(t, func(c *Config) { c.Draining = draining.Load })
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/metrics": "drawbridge_up 1", "/v1/info": `"version": "test"`, "/v1/calls": `"limit": 100`,
		"/v1/calls?limit=7": `"limit": 7`, "/v1/calls/c1": `"call": "c1"`,
	} {
		if status, body := get(t, url+path, nil); status != 200 || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %q, want 200 with %q", path, status, body, want)
		}
	}
	draining.Store(true)
	if status, _ := get(t, url+"/readyz", nil); status != 503 {
		t.Errorf("draining: /readyz says %d, want 503", status)
	}
}

func TestCallsThatCannotBeShown(t *testing.T) {
	url := start(t, nil)
	for path, want := range map[string]int{
		"/v1/calls?limit=0": 400, "/v1/calls?limit=1001": 400, "/v1/calls?limit=x": 400, "/v1/calls/c2": 404, "/v1/calls/": 404,
	} {
		if status, body := get(t, url+path, nil); status != want {
			t.Errorf("GET %s: %d %q, want %d", path, status, body, want)
		}
	}
}

func TestPublicAddressIsRefused(t *testing.T) {
	if _, err := New(Config{Listen: "0.0.0.0:0"}); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("New on all addresses: %v, want ErrNotLoopback", err)
	}
}

func TestPagesAreKeptOut(t *testing.T) {
	url := start(t, nil)
	if status, _ := get(t, url+"/v1/info", func(r *http.Request) { r.Host = "rebound.example.com" }); status != 403 {
		t.Errorf("a foreign Host got %d, want 403", status)
	}
	if status, _ := get(t, url+"/v1/info", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") }); status != 403 {
		t.Errorf("a foreign page got %d, want 403", status)
	}
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 403, "none": 200} { // we serve no page: none of ours asks
		if status, _ := get(t, url+"/v1/info", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) }); status != want {
			t.Errorf("an image of a %s page got %d, want %d", site, status, want)
		}
	}
}

func TestProfilesAreOffByDefault(t *testing.T) {
	if status, _ := get(t, start(t, nil)+"/debug/pprof/", nil); status != 404 {
		t.Errorf("profiles without being asked for: %d, want 404", status)
	}
	if status, _ := get(t, start(t, func(c *Config) { c.PProf = true })+"/debug/pprof/", nil); status != 200 {
		t.Errorf("profiles asked for: %d, want 200", status)
	}
}

func TestReload(t *testing.T) {
	var says error
	url := start(t, func(c *Config) {
		c.Reload = func(context.Context) (any, error) { return map[string]int{"number": 2}, says }
	}) + "/v1/reload"
	for _, row := range []struct {
		err    error
		status int
		body   string
	}{{nil, 200, `"number": 2`}, {errors.New("F:1:2: no such trunk"), 422, "F:1:2: no such trunk"}, {ErrState, 409, "not now"}} {
		says = row.err
		resp, err := http.Post(url, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != row.status || !strings.Contains(string(body), row.body) {
			t.Errorf("%v: %d %q", row.err, resp.StatusCode, body)
		}
	}
	if status, _ := get(t, url, nil); status != 405 {
		t.Errorf("GET: %d", status)
	}
}
