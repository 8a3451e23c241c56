package b2bua

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/policy"
	"drawbridge/policy/fraud"
	"drawbridge/policy/profile"
	"drawbridge/sip/wire"
	"drawbridge/store"
	"drawbridge/telemetry"
)

// fraudRule reads a fraud rule of a flow.
func fraudRule(name string, words []string) fraud.Rule {
	r := fraud.Rule{Name: name}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		list := strings.Split(value, ",")
		switch key {
		case "prefixes":
			r.Prefixes = list
		case "callers":
			r.Callers = list
		case "accounts":
			r.Accounts = list
		case "warning":
			r.Warning = limitsOf(list)
		case "critical":
			r.Critical = limitsOf(list)
		case "per":
			r.Per = map[string]fraud.Per{"trunk": fraud.PerTrunk, "caller": fraud.PerCaller}[value]
		case "block":
			r.Block = -1
		case "end":
			r.End = true
		case "deny":
			r.Deny = true
		}
	}
	return r
}

// watchedBy makes the gateway of a flow watch its calls; a minute costs 1.
func watchedBy(c *Config, rules []fraud.Rule) {
	table, err := fraud.Compile(fraud.Config{Rules: rules, Price: func(string) float64 { return 1 }})
	if err != nil {
		panic(err)
	}
	c.Fraud, c.Frauds = table, store.NewFrauds(100)
}

func limitsOf(list []string) (l fraud.Limits) {
	for _, one := range list {
		word, value, _ := strings.Cut(one, ":")
		kind, ok := fraud.ParseKind(word)
		n, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			panic(one)
		}
		l[kind] = n
	}
	return l
}

// alarms are those that have come, in order.
func (p *player) alarms() string {
	var all []string
	p.record(func() {
		for _, e := range p.events {
			if a, ok := e.(telemetry.Fraud); ok {
				words := []string{a.Level, a.Kind}
				if a.Action != "none" {
					words = append(words, a.Action)
				}
				all = append(all, strings.Join(words, ":"))
			}
		}
	})
	return strings.Join(all, " ")
}

// TestNetworkOfACall: an account is seen where it calls from, whatever it signals with.
func TestNetworkOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		carol := &Party{Name: "carol"}
		for name, setup := range map[string]*Setup{
			"203.0.113.0/24":  {Caller: carol, Line: w.line},
			"198.51.100.0/24": {Caller: carol, Flow: &memFlow{remote: netip.MustParseAddrPort("198.51.100.7:5060")}},
		} {
			if got := w.sw.view().attempt(policy.Request{Peer: "carol"}, setup).Network; got != name {
				t.Errorf("called from %q, want %q", got, name)
			}
		}
	})
}

func TestNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.78": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48",
	} {
		if got := network(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is in %q, want %q", text, got, want)
		}
	}
	if got := network(netip.Addr{}); got != "" {
		t.Errorf("no address is in %q", got)
	}
}

// Numbers that an INVITE was forwarded from are read by the tables of the trunk that writes them, as the number that it dials is.
func TestDiversionsAreReadAsDialled(t *testing.T) {
	national := &profile.Profile{}
	national.Identity.NumIn = []profile.Rewrite{{Match: "0([1-9].*)", To: "+49$1"}}
	if bad := national.Check(); len(bad) > 0 {
		t.Fatal(bad)
	}
	m := wire.NewRequest(wire.INVITE, uriOf(t, "sip:100@example.com"))
	m.Add("Diversion", "<sip:0301234@example.com>;reason=unconditional")
	m.Add("History-Info", "<tel:+252-61>;index=1")
	for _, tc := range []struct {
		name  string
		party Party
		want  string
	}{{"raw", Party{}, "[0301234 +25261]"}, {"by the profile", Party{Profile: national}, "[+49301234 +25261]"}} {
		if got := fmt.Sprint(tc.party.diversions(m)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
