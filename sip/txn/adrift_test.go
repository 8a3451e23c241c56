package txn

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// returnFlow is a connection that may end; back is the next one to its peer.
type returnFlow struct {
	*fakeFlow
	gone   bool
	known  bool
	name   string
	back   *returnFlow
	asked  []uint16
	failed error
}

func newReturnFlow(remote string, id uint64) *returnFlow {
	f := &returnFlow{fakeFlow: newFakeFlow(remote, true), known: true, name: "peer.example"}
	f.key.ID = id
	return f
}

func (f *returnFlow) Send(b []byte) error {
	if f.gone {
		return ErrFlowLost
	}
	return f.fakeFlow.Send(b)
}

func (f *returnFlow) Ended() bool        { return f.gone }
func (f *returnFlow) Returns() bool      { return f.known }
func (f *returnFlow) Identity() []string { return []string{f.name} }
func (f *returnFlow) Return(port uint16) (Flow, error) {
	f.asked = append(f.asked, port)
	return f.back, f.failed
}

// TestAdrift is what becomes of a server transaction whose connection goes: events before and after, by name, and what leaves over the
// old connection, over the one that we make to the peer and over the one that the peer makes.
func TestAdrift(t *testing.T) {
	for _, row := range []struct {
		name       string
		method     wire.Method
		events     string
		old, ours  string
		theirs     string
		heard      string
		state      string
		unreturned bool
	}{
		{name: "a late final", events: "180 lost 486", old: "180", ours: "486", heard: "flow lost", state: "completed"},
		{name: "its ACK comes over ours", events: "180 lost 486 ACK", old: "180", ours: "486", heard: "flow lost", state: "terminated"},
		{name: "its ACK comes over theirs", events: "180 lost 486 theirs:ACK", old: "180", ours: "486", heard: "flow lost", state: "terminated"},
		{name: "a late 180", events: "lost 180 486", ours: "180 486", heard: "flow lost", state: "completed"},
		{name: "a 2xx again", events: "200 lost resend", old: "200", ours: "200", heard: "flow lost", state: "accepted"},
		{name: "a 2xx that was acknowledged", events: "200 settle lost", old: "200", heard: "flow lost", state: "terminated"},
		{name: "a refusal that went out", events: "486 lost", old: "486", heard: "flow lost", state: "terminated"},
		{name: "before the news of the end", events: "gone 486 lost", ours: "486", heard: "flow lost", state: "completed"},
		{name: "before the news of the end, an ACK over theirs", events: "180 gone 486 theirs:ACK lost", old: "180", ours: "486", heard: "flow lost", state: "terminated"},
		{name: "CANCEL over theirs", events: "180 lost theirs:CANCEL 487", old: "180", theirs: "200 487", heard: "flow lost cancel", state: "completed"},
		{name: "CANCEL over another's", events: "180 lost other:CANCEL", old: "180", theirs: "481", heard: "flow lost", state: "proceeding"},
		{name: "the INVITE again over theirs", events: "180 lost theirs:again 486", old: "180", theirs: "180 486", heard: "flow lost", state: "completed"},
		{name: "ours is lost as well", events: "lost 180 lost-ours", ours: "180", heard: "flow lost flow lost", state: "proceeding"},
		{name: "nowhere to return to", events: "180 lost", old: "180", heard: "flow lost", state: "terminated", unreturned: true},
		{name: "nowhere to return to, before the news", events: "gone 486", state: "completed", unreturned: true},
		{name: "tried again", events: "180 lost theirs:anew", old: "180", heard: "flow lost cancel INVITE", state: "terminated"},
		{name: "tried again by another", events: "180 lost other:anew", old: "180", theirs: "482", heard: "flow lost", state: "proceeding"},
		{name: "tried again while it is there", events: "180 theirs:anew", old: "180", theirs: "482", state: "proceeding"},
		{name: "no INVITE", method: wire.MESSAGE, events: "lost 200", ours: "200", heard: "flow lost", state: "terminated"},
		{name: "no INVITE, before the news of the end", method: wire.MESSAGE, events: "gone 200 lost", ours: "200", heard: "flow lost", state: "terminated"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.method == "" {
				row.method = wire.INVITE
			}
			d := newDriftDrive(t, row.method)
			d.old.known = !row.unreturned
			for e := range strings.FieldsSeq(row.events) {
				d.do(t, e)
			}
			got := []string{
				strings.Join(d.old.take(), " "), strings.Join(d.ours.take(), " "), strings.Join(d.theirs.take(), " "),
				strings.Join(d.b.user.take(), " "), serverStates[d.tx.state],
			}
			if diff := cmp.Diff([]string{row.old, row.ours, row.theirs, row.heard, row.state}, got); diff != "" {
				t.Errorf("over the old connection, over ours, over theirs, heard, state: %s", diff)
			}
			d.tx.terminate()
			for _, tx := range d.b.sh.servers {
				tx.terminate()
			}
			d.b.left(t)
			if d.b.sh.hosted != 0 {
				t.Errorf("%d hosted left", d.b.sh.hosted)
			}
		})
	}
}

// driftDrive leads one server transaction over a connection, ours back to the peer and another of the peer's.
type driftDrive struct {
	serverDrive
	old, ours, theirs *returnFlow
}

func newDriftDrive(t *testing.T, method wire.Method) *driftDrive {
	t.Helper()
	d := &driftDrive{old: newReturnFlow("198.51.100.1:33333", 7), ours: newReturnFlow("198.51.100.1:5060", 8), theirs: newReturnFlow("198.51.100.1:44444", 9)}
	d.old.back, d.ours.back = d.ours, d.ours
	d.b, d.req = newBench(t), request(method, "z9hG4bKx", "")
	d.b.receive(d.old, d.req)
	d.tx = d.b.server()
	d.b.user.take()
	return d
}

func (d *driftDrive) do(t *testing.T, event string) {
	t.Helper()
	from, what, other := strings.Cut(event, ":")
	if !other {
		what, from = from, ""
	}
	f := d.ours
	if from != "" {
		f = d.theirs
	}
	if from == "other" {
		f.name = "other.example"
	}
	switch what {
	case "gone":
		d.old.gone = true
	case "lost", "lost-ours":
		lost := map[string]*returnFlow{"lost": d.old, "lost-ours": d.ours}[what]
		lost.gone = true
		d.b.core.FlowLost(lost, nil)
		for _, it := range d.b.sh.box.take(nil) {
			d.b.sh.handle(&it)
			d.b.sh.box.handled(&it)
		}
	case "resend":
		if err := d.tx.Resend(); err != nil {
			t.Error(err)
		}
	case "settle":
		d.tx.Settle()
	case "ACK":
		d.b.receive(f, request(wire.ACK, "z9hG4bKx", "totag"))
	case "CANCEL":
		d.b.receive(f, request(wire.CANCEL, "z9hG4bKx", ""))
	case "again":
		d.b.receive(f, d.req)
	case "anew":
		d.b.receive(f, request(wire.INVITE, "z9hG4bKanew", ""))
	default:
		d.serverDrive.do(what)
	}
}

// TestReturnPort: the peer listens where its Via says, or where its transport has its port (RFC 3261 section 18.2.2).
func TestReturnPort(t *testing.T) {
	for _, row := range []struct {
		transport string
		port      int
		want      uint16
	}{{"TCP", 5070, 5070}, {"TCP", 0, 5060}, {"TLS", 0, 5061}} {
		d := newDriftDrive(t, wire.MESSAGE)
		d.b.receive(d.old, request(wire.MESSAGE, "z9hG4bKx", "")) // a copy means nothing
		d.tx.terminate()
		m := request(wire.MESSAGE, "z9hG4bKport", "")
		m.Via[0].Transport, m.Via[0].Port = row.transport, row.port
		d.b.receive(d.old, m)
		d.tx = d.b.server()
		d.do(t, "lost")
		d.old.failed = errors.New("no room")
		if err := d.tx.Respond(wire.NewResponse(m, 200, "", "totag")); !errors.Is(err, d.old.failed) {
			t.Errorf("error %v", err)
		}
		if want := []uint16{row.want}; !slices.Equal(d.old.asked, want) {
			t.Errorf("%s %d: asked for %v, want %v", row.transport, row.port, d.old.asked, want)
		}
		d.b.left(t)
	}
}

// TestHostedKey: only the host counts, and every part that names the transaction.
func TestHostedKey(t *testing.T) {
	kr := newKeyer()
	m := request(wire.INVITE, "z9hG4bKx", "")
	key := func(remote, realm string, method wire.Method, branch string) key {
		f := newFakeFlow(remote, true)
		f.key.Realm, f.key.ID = realm, uint64(len(remote))
		via := m.Via[0]
		via.Params = wire.Params{{Name: "branch", Value: branch}}
		return kr.hosted(f, method, &via)
	}
	base := key("198.51.100.1:33333", "r", wire.INVITE, "z9hG4bKx")
	if key("198.51.100.1:4444", "r", wire.CANCEL, "z9hG4bKx") != base {
		t.Error("another port does not match")
	}
	for _, other := range []struct {
		remote, realm string
		method        wire.Method
		branch        string
	}{
		{"198.51.100.2:33333", "r", wire.INVITE, "z9hG4bKx"}, {"198.51.100.1:33333", "s", wire.INVITE, "z9hG4bKx"},
		{"198.51.100.1:33333", "r", wire.BYE, "z9hG4bKx"}, {"198.51.100.1:33333", "r", wire.INVITE, "z9hG4bKy"},
	} {
		if key(other.remote, other.realm, other.method, other.branch) == base {
			t.Errorf("%+v matches", other)
		}
	}
	if f := newFakeFlow("198.51.100.1:0", false); kr.server(f, m) == base {
		t.Error("a flow of datagrams matches")
	}
}
