package b2bua

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"drawbridge/policy/classify"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// TestTrunksAtOneAddress is the table of SEC-05: who a request is taken for.
func TestTrunksAtOneAddress(t *testing.T) {
	hosts := func(all ...string) classify.Hosts {
		h, _ := classify.NewHosts(all)
		return h
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			host := []wire.URI{{Scheme: "sip", Host: "192.0.2.1"}}
			c.Trunks = []Trunk{
				{Name: "agent", Realm: "carrier", Targets: host, Match: classify.Row{Agents: []string{"Asterisk"}}},
				{Name: "from", Realm: "carrier", Targets: host, Match: classify.Row{From: hosts("pbx.example.com")}},
				{Name: "host", Realm: "carrier", Targets: host, Match: classify.Row{Hosts: hosts("sbc.example.com"), Users: []string{"+49*"}}},
				{Name: "plain", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.1", Port: 5062}}},
				{Name: "socket", Realm: "carrier", Targets: host, Match: classify.Row{Local: []netip.AddrPort{netip.MustParseAddrPort("203.0.113.9:5999")}}},
				{Name: "strict", Realm: "carrier", Targets: []wire.URI{{Scheme: "sip", Host: "192.0.2.8"}}, Match: classify.Row{From: hosts("pbx.example.com")}},
			}
		})
		defer w.close()
		for _, row := range []struct{ at, target, from, agent, want string }{
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@b", "", "plain"},
			{"192.0.2.1:5062", "sip:1@a", "sip:+49@b", "", "plain"},
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@b", "Asterisk PBX", "agent"},
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@b", "x Asterisk PBX", "plain"},
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@PBX.example.com", "", "from"},
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@pbx.example.com", "asterisk", "agent"}, // the first by name
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@pbx.example.com.evil.com", "", "plain"},
			{"192.0.2.1:5060", "sip:1@a", "sip:+49@pbx.example.com.", "", "plain"},
			{"192.0.2.1:5060", "sip:1@sbc.example.com", "sip:+49123@b", "", "host"},
			{"192.0.2.1:5060", "sip:1@sbc.example.com", "sip:%2B49123@b", "", "host"},
			{"192.0.2.1:5060", "sip:1@sbc.example.com", "sip:+1123@b", "", "plain"},
			{"192.0.2.8:5060", "sip:1@a", "sip:+49@pbx.example.com", "", "strict"},
			{"192.0.2.8:5060", "sip:1@a", "sip:+49@b", "", ""},
			{"198.51.100.1:5060", "sip:1@a", "sip:+49@pbx.example.com", "Asterisk", ""},
		} {
			m := wire.NewRequest(wire.INVITE, uriOf(t, row.target))
			m.From.URI = uriOf(t, row.from)
			m.Add("User-Agent", row.agent)
			got := ""
			if s := w.sw.view().trunkAt(&memFlow{realm: "carrier", remote: netip.MustParseAddrPort(row.at)}, m); s != nil {
				got = s.trunk.Name
			}
			if got != row.want {
				t.Errorf("%+v: %q", row, got)
			}
		}
	})
}

func uriOf(t *testing.T, s string) wire.URI {
	t.Helper()
	u, err := wire.ParseURI(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestForeignHosts: who names a host that is not its side's calls nobody, and the record says why.
func TestForeignHosts(t *testing.T) {
	for _, row := range []struct {
		peer, host, from string
		want             int
	}{
		{"A", "example.com", "example.com", 0}, {"A", "EXAMPLE.com", "allowed.example.com", 0},
		{"A", "example.com", "example.com.evil.com", 403}, {"A", "10.1.2.3", "example.com", 403}, {"A", "allowed.example.com.", "example.com", 403},
		{"T", "192.0.2.100", "192.0.2.1", 0}, {"T", "::ffff:192.0.2.1", "anonymous.invalid", 0}, {"T", "192.0.2.1", "evil.com", 403},
	} {
		t.Run(row.peer+" "+row.host+" "+row.from, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) {
					for name, r := range c.Realms {
						r.Hosts, _ = classify.NewHosts([]string{"allowed.example.com", "192.0.2.1", "192.0.2.100"})
						c.Realms[name] = r
					}
				})
				defer w.close()
				p, far := w.peers[row.peer], w.peers[map[string]string{"A": "T", "T": "C"}[row.peer]]
				number := map[string]string{"A": "100", "T": "bob"}[row.peer]
				m := p.call(number)
				m.URI.Host, m.From.URI.Host = row.host, row.from
				m.ContentType, m.Body = sdpType, p.sdp("", false)
				p.send(m)
				synctest.Wait()
				if asked := len(far.took()) > 0; asked != (row.want == 0) {
					t.Errorf("the far side is asked: %t", asked)
				}
				if row.want != 0 {
					if status := last(t, p).Status; status != row.want {
						t.Errorf("answered %d", status)
					}
				}
				for _, e := range w.events {
					if ended, ok := e.(telemetry.CallEnded); ok && ended.Rule != "identity/domain" {
						t.Errorf("rule %q", ended.Rule)
					}
				}
				w.core.FlowLost(p.flow, nil)
			})
		})
	}
}

// TestForeignHostsRegister: a REGISTER that names a foreign host never comes to the registrar.
func TestForeignHostsRegister(t *testing.T) {
	for _, row := range []struct {
		host, from string
		want       int
	}{{"allowed.example.com", "allowed.example.com", 200}, {"evil.com", "allowed.example.com", 403}, {"allowed.example.com", "evil.com", 403}} {
		t.Run(row.host+" "+row.from, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) {
					c.Registrar = yesRegistrar{}
					r := c.Realms["access"]
					r.Hosts, _ = classify.NewHosts([]string{"allowed.example.com"})
					c.Realms["access"] = r
				})
				defer w.close()
				p := w.peers["A"]
				m := p.ask(wire.REGISTER, "")
				m.URI = uriOf(t, "sip:"+row.host)
				m.From.URI.Host = row.from
				p.send(m)
				synctest.Wait()
				if got := last(t, p).Status; got != row.want {
					t.Errorf("answered %d, want %d", got, row.want)
				}
				rules := ""
				for _, e := range w.events {
					if no, ok := e.(telemetry.Rejected); ok {
						rules += no.Rule
					}
				}
				if (rules == "identity/domain") != (row.want == 403) {
					t.Errorf("rules %q", rules)
				}
			})
		})
	}
}

// yesRegistrar takes everybody.
type yesRegistrar struct{}

func (yesRegistrar) Request(_ *txn.Shard, tx *txn.Server, _ txn.Flow, m *wire.Message) {
	reply(tx, m, 200)
}
func (yesRegistrar) FlowLost(txn.FlowKey) {}
