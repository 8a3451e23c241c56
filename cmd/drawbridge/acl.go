package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"
)

// aclCommand changes the access lists of the running gateway.
type aclCommand struct {
	Add    aclAdd    `cmd:"" help:"Deny an address, a network or a name, or allow it."`
	Remove aclRemove `cmd:"" help:"Take an entry off its list."`
	List   aclList   `cmd:"" help:"Print the lists."`
}

// aclTarget says which gateway and what kind of entry.
type aclTarget struct {
	privatePort
	Kind  string `default:"source" enum:"source,agent,aor,caller,called" help:"What VALUE is: source (address or network), agent (part of User-Agent), aor (account), caller, called (numbers; * at the end is any rest)."`
	Allow bool   `help:"The allow list, which wins, instead of the deny list."`
}

func (t aclTarget) list() string {
	if t.Allow {
		return "allow"
	}
	return "deny"
}

type aclAdd struct {
	aclTarget
	Value  string        `arg:"" help:"Such as 198.51.100.0/24."`
	TTL    time.Duration `name:"ttl" help:"How long, such as 1h; for ever by default."`
	Reason string        `default:"manual" help:"Shown in the list (${default})."`
	Force  bool          `help:"Even if it covers a trunk or most of the Internet."`
}

// Run adds the entry.
func (c aclAdd) Run(ctx context.Context) error {
	in := listed{List: c.list(), Kind: c.Kind, Value: c.Value, Reason: c.Reason, Force: c.Force}
	if c.TTL != 0 {
		in.TTL = c.TTL.String()
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = askAdmin(ctx, http.MethodPost, c.Admin, "/v1/acl", body)
	return err
}

type aclRemove struct {
	aclTarget
	Value string `arg:"" help:"As the list shows it."`
}

// Run removes the entry.
func (c aclRemove) Run(ctx context.Context) error {
	q := url.Values{"list": {c.list()}, "kind": {c.Kind}, "value": {c.Value}}
	_, err := askAdmin(ctx, http.MethodDelete, c.Admin, "/v1/acl?"+q.Encode(), nil)
	return err
}

type aclList struct {
	privatePort
	JSON bool `name:"json" help:"As the API has it."`
}

// Run prints the lists.
func (c aclList) Run(ctx context.Context) error {
	body, err := askAdmin(ctx, http.MethodGet, c.Admin, "/v1/acl", nil)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err = os.Stdout.Write(body)
		return err
	}
	var all []struct {
		List, Kind, Value, Reason string
		Until                     time.Time
		Hits                      uint64
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "LIST\tKIND\tVALUE\tLEFT\tHITS\tREASON")
	for _, e := range all {
		left := "for ever"
		if !e.Until.IsZero() {
			left = time.Until(e.Until).Round(time.Second).String()
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", e.List, e.Kind, e.Value, left, e.Hits, e.Reason)
	}
	return w.Flush() // tells what could not be written
}
