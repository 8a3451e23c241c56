package caller

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCallPasses(t *testing.T) {
	g := newGateway(t, nil)
	cfg := g.config()
	var recorded string
	cfg.CDR = func(_ context.Context, callID string) error {
		recorded = callID
		return nil
	}
	r, err := Call(t.Context(), cfg)
	if err != nil || r.Verdict != Pass {
		t.Fatalf("%s (%v)", r, err)
	}
	var last time.Duration
	for i, s := range stages {
		if len(r.Stages) <= i || r.Stages[i].Name != s.name {
			t.Fatalf("stage %d is not %s: %s", i, s.name, r)
		}
		if s.name != "dtls" && s.name != "ice" && r.Stages[i].At < last { // media and signalling overlap
			t.Errorf("%s was passed at %v, before the stage in front of it", s.name, r.Stages[i].At)
		}
		last = r.Stages[i].At
	}
	id := soon(t, "BYE", g.byes)
	for range 2 {
		if ack := soon(t, "ACK", g.acks); ack != id {
			t.Errorf("ACK of %s", ack)
		}
	}
	if recorded != id {
		t.Errorf("the record of %q was asked for, the call was %q", recorded, id)
	}
}

func TestFailingStages(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edit  func(*gateway)
		cfg   func(*Config)
		stage string
		words string
		byes  int
	}{
		{"nobody listens", nil, func(c *Config) { c.URL = "wss://127.0.0.1:1/" }, "wss", "refused", 0},
		{"unknown certificate", nil, func(c *Config) { c.TLS = nil }, "wss", "certificate", 0},
		{"wrong password", nil, func(c *Config) { c.Password = "guess" }, "register", "401", 0},
		{"busy", func(g *gateway) { g.status = 486 }, nil, "200", "486", 0},
		{"connection lost", func(g *gateway) { g.drop = true }, nil, "invite", "lost", 0},
		{"silent far side", func(g *gateway) { g.silent = true }, nil, "first_rtp", "audio packet: nothing in time", 1},
		{"tone missing", nil, func(c *Config) { c.ExpectHz = []float64{620, 440} }, "tone", "heard 620 Hz, not 440 Hz", 1},
		{"no record", nil, func(c *Config) {
			c.CDR = func(context.Context, string) error { return errors.New("no record") }
		}, "cdr", "no record", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, tt.edit)
			cfg := g.config()
			cfg.Timeout = 2 * time.Second
			if tt.cfg != nil {
				tt.cfg(&cfg)
			}
			r, err := Call(t.Context(), cfg)
			var stage *StageError
			if !errors.As(err, &stage) || stage.Stage != tt.stage || r.Stage != tt.stage || r.Verdict != Fail {
				t.Fatalf("%s (%v), want a failure in %s", r, err, tt.stage)
			}
			if !strings.Contains(r.Error, tt.words) {
				t.Errorf("error %q does not say %q", r.Error, tt.words)
			}
			for range tt.byes {
				soon(t, "BYE after the failure", g.byes)
			}
			if len(g.byes) != 0 {
				t.Errorf("%d BYEs too many", len(g.byes))
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{{}, {URL: "https://x/", User: "a", To: "b"}, {URL: "wss://x/", To: "b"}} {
		if r, err := Call(t.Context(), cfg); err == nil || r.Verdict != Fail {
			t.Errorf("%+v: %s", cfg, r)
		}
	}
}

func TestReportIsOneLineInOrder(t *testing.T) {
	r := Report{Verdict: Fail, Stage: "ice", Error: "stage ice: x", Stages: Stages{{"wss", 1234567}, {"register", 20 * time.Millisecond}, {"invite", time.Second}}}
	want := `{"verdict":"fail","stage":"ice","error":"stage ice: x","stages":{"wss":1.2,"register":20.0,"invite":1000.0}}`
	if got := r.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !json.Valid([]byte(r.String())) {
		t.Error("not JSON")
	}
	if at, ok := r.Stages.At("register"); !ok || at != 20*time.Millisecond {
		t.Errorf("At: %v %v", at, ok)
	}
}
