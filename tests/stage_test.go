package tests

import (
	"net/netip"
	"testing"
	"time"

	"drawbridge/tests/browser"
	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

const (
	tonePhone = 620             // Hz, what phones say
	toneSeen  = 5 * time.Second // for a tone to be found
	eventSeen = 5 * time.Second // for a message to arrive
	talk      = 1200 * time.Millisecond
	domain    = "access.test"
	dialled   = "+4970123"
)

// stage is a gateway with one trunk, and a page of a browser with one phone that is signed in.
type stage struct {
	gw      *gateway.Gateway
	account gateway.User
	sipPort int // of the phone behind the trunk
	page    *browser.Page
	caller  *browser.Phone
}

// kinds are the clients that every browser test is run with.
var kinds = []string{"jssip", "sipjs", "json"}

func accountOf(kind string) gateway.User {
	return gateway.User{Name: "acct-" + kind, Password: "secret of " + kind, Number: map[string]string{"jssip": "+4930111", "sipjs": "+4930222", "json": "+4930333"}[kind]}
}

// absent is an account that never signs in.
var absent = gateway.User{Name: "absent", Password: "secret of absent", Number: "+4930999"}

// newGateway starts a gateway with one trunk at sipPort for every number, and an account for each kind of client.
func newGateway(t *testing.T, id gateway.Identity, sipPort int, origins ...string) *gateway.Gateway {
	t.Helper()
	users := []gateway.User{absent}
	for _, k := range kinds {
		users = append(users, accountOf(k))
	}
	return gateway.Start(t, gateway.Config{
		Key: id, Users: users, Origins: origins,
		Trunks: []gateway.Trunk{{Name: "acme", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(sipPort))}},
		Routes: []gateway.Route{{From: "access", To: "*", Via: "acme"}},
	})
}

// signIn opens a tab with one client of a kind.
func signIn(t *testing.T, gw *gateway.Gateway, b *browser.Browser, site browser.Site, kind string) (*browser.Page, *browser.Phone) {
	t.Helper()
	page := b.Page(t, site.Origin)
	client, result := page.Open(kind, kind, account(gw, kind, accountOf(kind).Password))
	if !result.OK {
		t.Fatalf("%s does not sign in: %d %s", kind, result.Status, result.Error)
	}
	return page, client
}

func account(gw *gateway.Gateway, kind, password string) browser.Account {
	a := browser.Account{URL: "wss://" + gw.Web.String() + "/sip", Domain: domain, User: accountOf(kind).Name, Password: password}
	if kind == "json" {
		a.URL = "wss://" + gw.Web.String() + "/v1/signal"
		a.Library = "https://" + gw.Web.String() + "/drawbridge.js"
	}
	return a
}

// answers starts a phone behind the trunk; scenario names what it does.
func (s *stage) answers(t *testing.T, sc phone.Scenario) *phone.Run {
	t.Helper()
	s.caller.Do(nil, "fresh")
	sc.Port = s.sipPort
	return phone.Start(t, sc)
}

// calls starts a phone that calls through the trunk.
func (s *stage) calls(t *testing.T, sc phone.Scenario) *phone.Run {
	t.Helper()
	s.caller.Do(nil, "fresh")
	sc.Port, sc.Target = s.sipPort, s.gw.SIP
	if sc.Number == "" {
		sc.Number = s.account.Number
	}
	return phone.Start(t, sc)
}

// records counts the call records so far, for NextCDR.
func (s *stage) records(t *testing.T) int {
	t.Helper()
	return len(s.gw.CDRs(t))
}

// ended checks the one record of a call behind the first n.
func (s *stage) ended(t *testing.T, n int, want gateway.Cause, talked time.Duration) gateway.CDR {
	t.Helper()
	c := s.gw.NextCDR(t, n)
	got := gateway.Cause{SIP: c.Cause.SIP, Q850: c.Cause.Q850, By: c.Cause.By}
	if got != want {
		t.Errorf("call record says %+v, want %+v", c.Cause, want)
	}
	if c.Cause.Text == "" {
		t.Error("call record has no text for its cause")
	}
	s.checkDuration(t, c, talked)
	return c
}

// checkDuration allows a second more than the test has seen: the call lasts longer than the part that is timed.
func (s *stage) checkDuration(t *testing.T, c gateway.CDR, talked time.Duration) {
	t.Helper()
	got := time.Duration(c.DurationMS) * time.Millisecond
	switch {
	case talked == 0 && (got != 0 || c.Answer != nil):
		t.Errorf("an unanswered call has a duration of %s and the answer %v", got, c.Answer)
	case talked > 0 && (got < talked-200*time.Millisecond || got > talked+time.Second):
		t.Errorf("call record says %s, the call took %s", got, talked)
	}
}
