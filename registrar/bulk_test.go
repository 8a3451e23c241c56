package registrar

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// TestBulk: a PBX registers one address for all its numbers, if it is configured as one, and in the form of RFC 6140 alone.
func TestBulk(t *testing.T) {
	for _, row := range []struct {
		name, contact, require string
		pbx                    bool
		want                   int
		kept                   []string
	}{
		{"a PBX", "<sip:192.0.2.1:5070;line=7;bnc>", "gin", true, 200, []string{"sip:192.0.2.1:5070;line=7;bnc"}},
		{"beside an address of its own", "<sip:192.0.2.1;bnc>, <sip:alice@192.0.2.1>", "gin", true, 200, []string{"sip:192.0.2.1;bnc", "sip:alice@192.0.2.1"}},
		{"user= means nothing", "<sip:192.0.2.1;user=phone;bnc>", "gin", true, 200, []string{"sip:192.0.2.1;bnc"}},
		{"no bulk contact", "<sip:alice@192.0.2.1>", "gin", true, 200, []string{"sip:alice@192.0.2.1"}},
		{"with a user", "<sip:+4930@192.0.2.1;bnc>", "gin", true, 400, nil},
		{"the second with a user", "<sip:192.0.2.1;bnc>, <sip:+4930@192.0.2.1;bnc>", "gin", true, 400, nil},
		{"not required", "<sip:192.0.2.1;bnc>", "path", true, 400, nil},
		{"no PBX", "<sip:192.0.2.1;bnc>", "gin", false, 403, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, seen := newRegistrar(t)
			r.Set(passwords, nil, func(user string) bool { return row.pbx && user == "alice" })
			now := time.Now()
			resp := signIn(t, r, ws(1), 1, now, "Contact: "+row.contact, "Require: "+row.require, "Proxy-Require: gin")
			if resp.Status != row.want {
				t.Fatalf("%d, want %d", resp.Status, row.want)
			}
			var kept []string
			for _, b := range r.table.lookup("alice", now) {
				kept = append(kept, b.Contact.URI.String())
			}
			slices.Sort(kept)
			if diff := cmp.Diff(row.kept, kept); diff != "" {
				t.Error(diff)
			}
			if refused := slices.Contains(seen.rejected, "register/bulk"); refused != (row.want == 403) {
				t.Errorf("told: %v", seen.rejected)
			}
			if row.want == 200 && len(resp.Contact) != len(row.kept) {
				t.Errorf("told %v", resp.Contact)
			}
		})
	}
}

// TestBulkUnproven: whoever has proved nothing is challenged, whatever it registers.
func TestBulkUnproven(t *testing.T) {
	r, _ := newRegistrar(t)
	m := request(t, wire.REGISTER, 1, "Contact: <sip:192.0.2.1;bnc>", "Require: gin")
	if resp := r.register(ws(1), m, "t", time.Now()); resp.Status != 401 {
		t.Errorf("%d", resp.Status)
	}
}
