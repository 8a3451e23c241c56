package tests

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
	"drawbridge/tests/scene"
)

// flow is one row of the SIPp matrix: a scene played around the gateway.
type flow struct {
	scene  string            // file of tests/sipp/scenes
	values map[string]string // fill names in the scene, and tell its rows apart
	record string            // the one call record, see verdict; "; " parts several, in order, "" is for none
	only   string            // "udp" or "tcp": what it is about; "" plays it over these and TLS
	trunks values            // further settings of a role's trunk
	behind string            // a role on another port of the callee's host, which no route names; the scene gets its address as the value of that name
	aside  string            // a role with a number of its own, which the scene gets as the value of that name
	calls  int               // at 100 a second; 0 is one call
	lost   int               // of a hundred datagrams, on one side
	lossy  string            // the role of that side; "" is the caller
	slow   bool              // begins before all others
	closed bool              // a port on which nobody listens is the first of the callee's targets
}

// scenes is where they are.
var scenes = filepath.Join(gateway.Root(), "tests", "sipp", "scenes")

// matrix has the flows of sippFlows, each over every transport that it runs over.
type matrix struct {
	gw    *gateway.Gateway
	ca    *gateway.Authority
	peer  []tls.Certificate // of every phone
	rows  []*row
	trunk []gateway.Trunk
	route []gateway.Route
}

// row is a flow with its addresses. Every row has its own host for each role and its own number, so that all run at once.
type row struct {
	flow
	over   string // "udp", "tcp" or "tls"
	scene  *scene.Scene
	name   string // of its trunks, before the role
	number string
	hosts  map[string]netip.AddrPort // by role: what the gateway knows

	runs    []*phone.Run // in the order of the scene's roles
	scripts []scene.Script
}

const (
	rowLimit    = 65 * time.Second // a session timer has to run out by half, which is 45 s at least (RFC 4028 section 4)
	rowRate     = 100              // calls per second
	rowPort     = 5060             // of a row's first phone: its hosts are its own, and the port is below what the system hands out
	rowInside   = 10               // from a phone's port to the one behind its TLS
	closedLimit = 32 * time.Second // what a call would wait for a target that says nothing
	callsRest   = 10 * time.Second // until the last call and its media are gone
)

func TestEverySceneIsPlayed(t *testing.T) {
	played := map[string]bool{}
	for _, f := range sippFlows {
		played[f.scene+".xml"] = true
	}
	files, err := os.ReadDir(scenes)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !played[f.Name()] {
			t.Errorf("%s is in no row", f.Name())
		}
	}
}

// TestSIPp plays every scene around one gateway, and then looks for what was not given back.
func TestSIPp(t *testing.T) {
	phone.Need(t, "sipp")
	ca := gateway.NewAuthority(t)
	m := &matrix{ca: ca, peer: ca.Issue(t, "phone.test").Pair(t), trunk: []gateway.Trunk{{Name: "nobody", Target: netip.MustParseAddrPort("127.1.15.1:9")}}}
	for _, f := range sippFlows {
		for _, over := range []string{"udp", "tcp", "tls"} {
			if f.only == "" || f.only == over {
				m.add(t, f, over)
			}
		}
	}
	m.gw = gateway.Start(t, gateway.Config{TLS: ca.Issue(t, "gateway.test"), Trunks: m.trunk, Routes: m.route, Ports: 4000, More: sippRules})
	slow, others := m.split()
	for _, r := range slow {
		m.begin(t, r)
	}
	t.Run("rows", func(t *testing.T) {
		for _, r := range others {
			t.Run(r.title(), func(t *testing.T) {
				t.Parallel()
				m.begin(t, r)
				m.end(t, r)
			})
		}
	})
	for _, r := range slow {
		t.Run(r.title(), func(t *testing.T) { m.end(t, r) })
	}
	m.nothingLeft(t)
}

func (r *row) title() string {
	var b strings.Builder
	b.WriteString(r.over + " " + strings.ReplaceAll(r.flow.scene, "_", " "))
	for _, k := range []string{"status", "form", "more"} {
		if v := r.values[k]; v != "" {
			b.WriteString(" " + v)
		}
	}
	if r.closed {
		b.WriteString(" behind a closed port")
	}
	if r.calls > 0 {
		fmt.Fprintf(&b, " %d times", r.calls)
	}
	if r.lost > 0 {
		fmt.Fprintf(&b, " with %d %% lost", r.lost)
	}
	return b.String()
}

// add gives a flow its addresses, a trunk for each role and a route for its number.
func (m *matrix) add(t *testing.T, f flow, over string) {
	t.Helper()
	s, err := scene.Read(filepath.Join(scenes, f.scene+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	n := len(m.rows)
	f.values = maps.Clone(f.values)
	if f.values == nil {
		f.values = values{}
	}
	r := &row{flow: f, over: over, scene: s, name: fmt.Sprintf("r%d", n), number: fmt.Sprintf("+4970%04d", n), hosts: map[string]netip.AddrPort{}}
	r.values["digits"] = r.number[1:]
	var via []string
	if len(s.Roles()) == 1 {
		via = []string{"nobody"}
	}
	if f.closed {
		name := r.name + "-closed"
		m.trunk = append(m.trunk, gateway.Trunk{Name: name, Target: closedPort(n), More: "invite_timeout: " + closedLimit.String()})
		via = append(via, name)
	}
	for i, role := range s.Roles() {
		if role == f.behind {
			i-- // on the callee's host
		}
		host := netip.AddrFrom4([4]byte{127, byte(1 + n/250), byte(16 + i), byte(1 + n%250)})
		r.hosts[role] = netip.AddrPortFrom(host, uint16(rowPort+len(r.hosts)))
		if role == f.behind {
			r.values[role] = r.hosts[role].String() + ";transport=" + over
			continue
		}
		name := r.name + "-" + role
		if role == f.aside {
			r.values[role] = fmt.Sprintf("+4971%04d", n)
			m.route = append(m.route, gateway.Route{From: "carrier", To: r.values[role], Via: name})
		}
		more := f.trunks[role]
		if over == "tls" {
			more = strings.TrimPrefix(more+", tls: {name: phone.test}", ", ")
		}
		m.trunk = append(m.trunk, gateway.Trunk{Name: name, Target: r.hosts[role], Transport: strings.TrimPrefix(over, "udp"), More: more})
		if role != "caller" && role != f.aside {
			via = append(via, name)
		}
	}
	m.route = append(m.route, gateway.Route{From: "carrier", To: r.number, Via: strings.Join(via, ", ")})
	m.rows = append(m.rows, r)
}

// closedPort is the port discard of a host of a row's own.
func closedPort(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(1 + n/250), 14, byte(1 + n%250)}), 9)
}

// split tells the slow rows from the others.
func (m *matrix) split() (slow, others []*row) {
	for _, r := range m.rows {
		if r.slow {
			slow = append(slow, r)
		} else {
			others = append(others, r)
		}
	}
	return slow, others
}

// begin starts one SIPp for each role.
func (m *matrix) begin(t *testing.T, r *row) {
	t.Helper()
	roles := r.scene.Roles()
	r.runs, r.scripts = make([]*phone.Run, len(roles)), make([]scene.Script, len(roles))
	for i := len(roles) - 1; i >= 0; i-- { // the caller last
		var err error
		if r.scripts[i], err = r.scene.Script(roles[i], r.values); err != nil {
			t.Fatal(err)
		}
		at := r.hosts[roles[i]]
		sc := phone.Scenario{Name: roles[i], Text: r.scripts[i].Text, Addr: at.Addr(), Port: int(at.Port()), Limit: rowLimit}
		if r.calls > 0 {
			sc.Calls, sc.Rate = r.calls, rowRate
		}
		if roles[i] == "caller" {
			sc.Target, sc.Number = m.gw.SIP, r.number
		}
		if roles[i] == cmp.Or(r.lossy, "caller") {
			sc.Lost = r.lost
		}
		switch r.over {
		case "tcp":
			sc.Over = "t1"
		case "tls":
			m.wrap(t, &sc)
		}
		r.runs[i] = phone.Start(t, sc)
	}
}

// end waits for the phones: all have to see the call as it is written.
func (m *matrix) end(t *testing.T, r *row) {
	t.Helper()
	allEnd(r.runs)
	for i, run := range r.runs {
		run.Wait(t)
		heardOnly(t, r.scene.Roles()[i], run, r.scripts[i].Hears)
	}
	m.recorded(t, r)
}

// wrap puts the TLS that SIPp lacks around a phone: one tunnel to where it is reached, and another from a caller to the gateway.
func (m *matrix) wrap(t *testing.T, sc *phone.Scenario) {
	t.Helper()
	outside := netip.AddrPortFrom(sc.Addr, uint16(sc.Port))
	inside := sc.Port + rowInside
	sc.Over, sc.Port, sc.Reach = "t1", inside, outside.String()+";transport=tls"
	phone.Tunnel{
		Listen: outside, From: sc.Addr, To: netip.AddrPortFrom(sc.Addr, uint16(inside)),
		Server: &tls.Config{Certificates: m.peer, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: m.ca.Pool},
	}.Start(t)
	if !sc.Target.IsValid() {
		return
	}
	sc.Target = phone.Tunnel{
		Listen: netip.AddrPortFrom(sc.Addr, 0), From: sc.Addr, To: m.gw.SIPS,
		Client: &tls.Config{Certificates: m.peer, RootCAs: m.ca.Pool, ServerName: "gateway.test"},
	}.Start(t)
}

// heardOnly finds messages that a role's scene does not have. One that comes again, byte for byte, is the same.
func heardOnly(t *testing.T, role string, run *phone.Run, allowed map[string]int) {
	t.Helper()
	seen := map[string]bool{}
	heard := map[string]int{"100": -1}
	for _, msg := range run.Messages() {
		if !msg.In || seen[msg.Text] {
			continue
		}
		seen[msg.Text] = true
		kind, rest, _ := strings.Cut(msg.Text, " ")
		if kind == "SIP/2.0" {
			kind, _, _ = strings.Cut(rest, " ")
		}
		if heard[kind]++; heard[kind] > allowed[kind] {
			t.Errorf("the %s hears what its scene does not have:\n%s", role, msg.Text)
		}
	}
}

// allEnd waits for every role. When one sees what it must not, the others would wait for a message that does not come: they are stopped.
func allEnd(runs []*phone.Run) {
	gateway.Within(rowLimit, func() bool {
		ended := 0
		for _, run := range runs {
			if !run.Ended() {
				continue
			}
			if ended++; run.Code() != 0 {
				return true
			}
		}
		return ended == len(runs)
	})
	for _, run := range runs {
		if !run.Ended() {
			run.Stop()
		}
	}
}

// recorded compares the records of calls that the row's phones have begun with what the row says.
func (m *matrix) recorded(t *testing.T, r *row) {
	t.Helper()
	want := strings.Split(r.record, "; ")
	if r.record == "" {
		want = nil
	}
	for range r.calls - 1 {
		want = append(want, r.record)
	}
	var got []string
	gateway.Within(eventSeen, func() bool {
		got = nil
		for _, c := range m.gw.CDRs(t) {
			if strings.HasPrefix(c.A.Peer, r.name+"-") {
				got = append(got, r.verdict(c))
			}
		}
		slices.Sort(got)
		return len(got) >= len(want)
	})
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("the call records say %q, want %q", got, want)
	}
}

// verdict is that of a call of the row. A target that is closed must not be waited for.
func (r *row) verdict(c gateway.CDR) string {
	if waited := time.Duration(c.SetupMS) * time.Millisecond; r.closed && waited >= closedLimit {
		return fmt.Sprintf("%s behind %s", verdict(c), waited)
	}
	return verdict(c)
}

// verdict is a call record in short: "answered by a 16" or "refused by b 486", with the side that ended it.
func verdict(c gateway.CDR) string {
	if c.Answer == nil {
		return fmt.Sprintf("refused by %s %d", c.Cause.By, c.Cause.SIP)
	}
	if c.Cause.SIP != 0 {
		return fmt.Sprintf("answered by %s %d/%d", c.Cause.By, c.Cause.Q850, c.Cause.SIP)
	}
	return fmt.Sprintf("answered by %s %d", c.Cause.By, c.Cause.Q850)
}

// nothingLeft reads the gauges when all calls are over.
func (m *matrix) nothingLeft(t *testing.T) {
	t.Helper()
	var now gateway.Metrics
	held := func() float64 {
		now = m.gw.Metrics(t)
		return now.Value(t, "drawbridge_calls_active") + now.Value(t, "drawbridge_media_sessions")
	}
	if !gateway.Within(callsRest, func() bool { return held() == 0 }) {
		t.Errorf("%.0f calls and %.0f media sessions are left", now.Value(t, "drawbridge_calls_active"), now.Value(t, "drawbridge_media_sessions"))
	}
	if n := now.Value(t, "drawbridge_panics_total"); n != 0 {
		t.Errorf("%.0f panics", n)
	}
}
