package admin

import (
	"net/http"
	"strings"
	"testing"
)

func TestFraudBlocks(t *testing.T) {
	blocked := true
	base := start(t, func(c *Config) {
		c.Blocks = func() any { return map[string]bool{"blocked": blocked} }
		c.Unblock = func(account string) int {
			if account != "alice" || !blocked {
				return 0
			}
			blocked = false
			return 1
		}
	})
	if status, body := get(t, base+"/v1/fraud", nil); status != 200 || !strings.Contains(body, "true") {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range []struct {
		account string
		status  int
	}{{"bob", 404}, {"alice", 200}, {"alice", 404}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, base+"/v1/fraud/"+c.account, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.account, resp.StatusCode, c.status)
		}
	}
	none := start(t, nil)
	if status, _ := get(t, none+"/v1/fraud", nil); status != 404 {
		t.Errorf("without rules: %d", status)
	}
}
