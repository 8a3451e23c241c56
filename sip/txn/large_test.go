package txn

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// wideFlow is a datagram flow that knows a connection.
type wideFlow struct {
	*fakeFlow
	stream *fakeStream // nil: there is none
}

func (f *wideFlow) Upgrade() Upgraded {
	if f.stream == nil {
		return nil
	}
	return f.stream
}

type fakeStream struct {
	*fakeFlow
	up, gaveUp bool
}

func (f *fakeStream) Connected() bool { return f.up }
func (f *fakeStream) GiveUp()         { f.gaveUp = true }

// TestLarge is what becomes of a request by its size and its peer: the ways it takes, and what the user hears.
func TestLarge(t *testing.T) {
	for _, row := range []struct {
		name   string
		method wire.Method
		large  bool
		none   bool   // no connection to be had
		broken bool   // it takes nothing
		events string // of the life of the request
		udp    string // what went either way
		tcp    string
		heard  string
		gaveUp bool
	}{
		{"it fits", wire.INVITE, false, false, false, "200", "INVITE", "", "200", false},
		{"it does not", wire.INVITE, true, false, false, "up retry 200", "", "INVITE", "200", false},
		{"MESSAGE", wire.MESSAGE, true, false, false, "up retry 200", "", "MESSAGE", "200", false},
		{"rejected: the ACK goes the same way", wire.INVITE, true, false, false, "up 486", "", "INVITE ACK", "486", false},
		{"cancelled there", wire.INVITE, true, false, false, "up 180 cancel 487", "", "INVITE CANCEL ACK", "180 487", false},
		{"no connection to be had", wire.INVITE, true, true, false, "200", "INVITE", "", "200", false},
		{"it takes nothing", wire.INVITE, true, false, true, "200", "INVITE", "", "200", false},
		{"refused", wire.INVITE, true, false, false, "lost retry 180 200", "INVITE INVITE", "INVITE", "180 200", true},
		{"refused, rejected", wire.INVITE, true, false, false, "lost 486 486", "INVITE ACK ACK", "INVITE", "486", true},
		{"refused, MESSAGE", wire.MESSAGE, true, false, false, "lost 200", "MESSAGE", "MESSAGE", "200", true},
		{"silence for too long", wire.INVITE, true, false, false, "retry 200", "INVITE", "INVITE", "200", true},
		{"refused, and nobody there", wire.INVITE, true, false, false, "lost life", "INVITE", "INVITE", "txn: timeout", true},
		{"refused, and no way for datagrams", wire.INVITE, true, false, false, "cut lost", "", "INVITE", "no route", true},
		{"lost behind a response", wire.INVITE, true, false, false, "up 180 lost", "", "INVITE", "180 txn: flow lost", false},
		{"lost while it is connected", wire.INVITE, true, false, false, "up lost 200", "INVITE", "INVITE", "200", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			f := &wideFlow{newFakeFlow("198.51.100.1:5060", false), &fakeStream{fakeFlow: newFakeFlow("198.51.100.1:5060", true)}}
			f.stream.key.Local = f.key.Local
			if row.broken {
				f.stream.err = errors.New("full")
			}
			stream := f.stream
			if row.none {
				f.stream = nil
			}
			m := request(row.method, "ignored", "")
			if row.large {
				m.ContentType, m.Body = "text/plain", []byte(strings.Repeat("x", maxDatagram))
			}
			cl, err := b.sh.Request(f, m, b.user)
			if err != nil {
				t.Fatal(err)
			}
			for ev := range strings.FieldsSeq(row.events) {
				b.live(cl, f, stream, ev)
			}
			for _, sent := range []struct {
				flow *fakeFlow
				via  string
				want string
			}{{f.fakeFlow, "UDP", row.udp}, {stream.fakeFlow, "WS", row.tcp}} {
				for _, m := range sent.flow.sent {
					if m.Via[0].Transport != sent.via || m.Branch() != cl.key.branch {
						t.Errorf("%s over %s has the Via %+v, branch %s", word(m), sent.via, m.Via[0], cl.key.branch)
					}
				}
				if d := cmp.Diff(strings.Fields(sent.want), sent.flow.take()); d != "" {
					t.Errorf("over %s: %s", sent.via, d)
				}
			}
			if got := strings.Join(b.user.take(), " "); got != row.heard {
				t.Errorf("heard %q, want %q", got, row.heard)
			}
			if stream.gaveUp != row.gaveUp {
				t.Errorf("gave up: %t", stream.gaveUp)
			}
			cl.terminate()
			for _, cl := range b.sh.clients { // the CANCEL's own
				cl.terminate()
			}
			b.elapse(TimerD + dayLength)
			b.left(t)
		})
	}
}

// live is one event in the life of a client transaction.
func (b *bench) live(cl *Client, f *wideFlow, stream *fakeStream, ev string) {
	switch ev {
	case "up":
		stream.up = true
	case "cut":
		f.err = errors.New("no route")
	case "retry":
		cl.retry.Stop()
		cl.expire(retry)
	case "life":
		cl.expire(life)
	case "cancel":
		cl.Cancel()
	case "lost":
		cl.flowLost(ErrFlowLost)
	default:
		m := wire.NewResponse(cl.request(), number(ev), "", "tag")
		if from := cl.flow; b.sh.clients[cl.key] == cl {
			cl.response(m)
		} else {
			b.sh.response(&item{flow: from, msg: m})
		}
	}
}

// request reads the request back.
func (cl *Client) request() *wire.Message {
	m := request(cl.key.method, cl.key.branch, "")
	m.Via[0].Params.Set("branch", cl.key.branch)
	return m
}

func number(s string) (n int) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

func TestReaddressLeavesStrangersAlone(t *testing.T) {
	if got := string(Readdress([]byte("nonsense"), newFakeFlow("198.51.100.1:5060", false))); got != "nonsense" {
		t.Errorf("made %q of it", got)
	}
}
