package admin

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestExplainsRoutes(t *testing.T) {
	base := start(t, func(c *Config) {
		c.Route = func(_ context.Context, ask url.Values) (any, error) {
			if ask.Get("to") == "" {
				return nil, errors.New(`to "": no number and no name`)
			}
			return map[string]string{"outcome": ask.Get("from") + ask.Get("to")}, nil
		}
	})
	if status, body := get(t, base+"/v1/route/explain?from=alice&to=%2B49", nil); status != 200 || !strings.Contains(body, `"outcome": "alice+49"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, base+"/v1/route/explain?from=alice", nil); status != 400 || !strings.Contains(body, "no number and no name") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, start(t, nil)+"/v1/route/explain?from=a&to=b", nil); status != 404 {
		t.Errorf("without routes: %d", status)
	}
}
