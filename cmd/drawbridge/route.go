package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"drawbridge/config"
)

type routeCommand struct {
	privatePort
	From   string `arg:"" help:"Who calls: an account, a trunk or a realm."`
	To     string `arg:"" help:"Number or name that is called."`
	Caller string `help:"Number that the caller says; an account's own by default."`
	Realm  string `help:"Realm that an account calls from; that of the web port by default."`
	At     string `help:"When, such as 2026-05-04T18:30:00+02:00; now by default."`
	Config string `type:"existingfile" placeholder:"FILE" help:"Judge by this configuration instead of asking a running gateway: nothing is then known of health and quality."`
	JSON   bool   `help:"Print JSON."`
}

// Run prints the explanation, and fails when nobody would be called.
func (c routeCommand) Run(ctx context.Context) error {
	ask := url.Values{}
	for name, value := range map[string]string{"from": c.From, "to": c.To, "caller": c.Caller, "realm": c.Realm, "at": c.At} {
		if value != "" {
			ask.Set(name, value)
		}
	}
	explain := c.live
	if c.Config != "" {
		explain = c.offline
	}
	e, err := explain(ctx, ask)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(e)
	} else {
		err = e.print(os.Stdout)
	}
	if err == nil && !e.found() {
		return errVerdict
	}
	return err
}

func (c routeCommand) offline(_ context.Context, ask url.Values) (e explanation, err error) {
	snap, err := config.Load(c.Config)
	if err != nil {
		return e, err
	}
	q, err := question(snap, ask, time.Now())
	if err != nil {
		return e, err
	}
	table, err := routes(snap)
	if err != nil {
		return e, err
	}
	return judge(snap, table, nil, q, c.From), nil
}

func (c routeCommand) live(ctx context.Context, ask url.Values) (e explanation, err error) {
	body, err := askAdmin(ctx, http.MethodGet, c.Admin, "/v1/route/explain?"+ask.Encode(), nil)
	switch {
	case errors.Is(err, errAdmin):
		return e, err
	case err != nil:
		return e, fmt.Errorf("no gateway answers there; --config FILE needs none: %w", err)
	}
	return e, json.Unmarshal(body, &e)
}

// found reports whether there is a candidate.
func (e explanation) found() bool {
	for _, r := range e.Steps {
		if r.Place > 0 {
			return true
		}
	}
	return false
}

// print writes the explanation for people: a line for each step, and one for each target.
func (e explanation) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(out, "from %s (realm %s) to %s: %s\n", e.From, e.Realm, e.To, e.Outcome) // Flush says what went wrong
	for _, r := range e.Steps {
		place := "-"
		if r.Place > 0 {
			place = fmt.Sprint(r.Place)
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", place, r.name(), r.Rule, r.remarks())
		for _, t := range r.Targets {
			line := t.State
			if t.Calls > 0 {
				line += fmt.Sprintf(", %d of the last %d calls failed", t.Failed, t.Calls)
			}
			if t.Since != nil {
				line += ", since " + t.Since.Format(time.RFC3339)
			}
			_, _ = fmt.Fprintf(out, "\t  %s\t%s\t%s\n", t.Target, t.Hop, line)
		}
	}
	return out.Flush()
}

func (r reason) name() string {
	switch {
	case r.Account != "":
		return "account " + r.Account
	case r.Trunk == "":
		return "route"
	case r.Group != "":
		return "trunk " + r.Trunk + " of " + r.Group
	}
	return "trunk " + r.Trunk
}

// remarks are what a trunk takes, and why it is where it is.
func (r reason) remarks() string {
	var parts []string
	if r.Price != "" {
		parts = append(parts, "price "+r.Price)
	}
	if r.Penalty > 1 {
		parts = append(parts, fmt.Sprintf("x%.2f", r.Penalty))
	}
	if r.Weight > 0 {
		parts = append(parts, fmt.Sprintf("weight %d", r.Weight))
	}
	if r.MOS > 0 {
		parts = append(parts, fmt.Sprintf("MOS %.2f", r.MOS))
	}
	if r.ASR != nil {
		parts = append(parts, fmt.Sprintf("ASR %d %%", *r.ASR))
	}
	if r.Why != "" {
		parts = append(parts, r.Why)
	}
	return strings.Join(parts, ", ")
}
