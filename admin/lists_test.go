package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestLists: changes reach the lists, and say whose fault it is when they do not.
func TestLists(t *testing.T) {
	var added, removed []string
	url := start(t, func(c *Config) {
		c.Lists = Lists{
			All: func() any { return []string{"198.51.100.7"} },
			Add: func(body []byte) error {
				added = append(added, string(body))
				switch {
				case strings.Contains(string(body), "trunk"):
					return fmt.Errorf("%w: it covers a trunk", ErrForce)
				case strings.Contains(string(body), "bad"):
					return errors.New("no address")
				}
				return nil
			},
			Remove: func(list, kind, value string) error {
				removed = append(removed, list+" "+kind+" "+value)
				if value == "none" {
					return ErrAbsent
				}
				return nil
			},
		}
	}) + "/v1/acl"
	for _, tc := range []struct {
		method, query, body string
		origin              string
		want                int
	}{
		{method: http.MethodGet, want: 200},
		{method: http.MethodPost, body: `{"value":"198.51.100.7"}`, want: 204},
		{method: http.MethodPost, body: `{"value":"trunk"}`, want: 409},
		{method: http.MethodPost, body: `{"value":"bad"}`, want: 400},
		{method: http.MethodPost, body: strings.Repeat("x", maxBody+1), want: 400},
		{method: http.MethodPost, body: `{}`, origin: "https://evil.example", want: 403},
		{method: http.MethodDelete, query: "?list=deny&kind=source&value=198.51.100.7", want: 204},
		{method: http.MethodDelete, query: "?value=none", want: 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, url+tc.query, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		if tc.origin != "" {
			req.Header.Set("Origin", tc.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s%s %.40s: %d, want %d", tc.method, tc.query, tc.body, resp.StatusCode, tc.want)
		}
	}
	if len(added) != 3 || len(removed) != 2 || removed[0] != "deny source 198.51.100.7" {
		t.Errorf("added %q, removed %q", added, removed)
	}
}
