package txn

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// TestUndelivered is what becomes of a request that the network gives back: by its state, its kind, and what is known of it.
func TestUndelivered(t *testing.T) {
	whole := func(b string) string { return b }
	for _, row := range []struct {
		name   string
		method wire.Method
		toTag  string
		stream bool
		before string                  // events
		quote  func(string) string     // of what was sent
		way    func(k FlowKey) FlowKey // nil: the way it went
		sent   string
		heard  string
	}{
		{name: "INVITE", method: wire.INVITE, quote: whole, sent: "INVITE", heard: "txn: port refused"},
		{name: "OPTIONS", method: wire.OPTIONS, quote: whole, sent: "OPTIONS", heard: "txn: port refused"},
		{name: "only its beginning", method: wire.INVITE, quote: upTo("Max-Forwards"), sent: "INVITE", heard: "txn: port refused"},
		{name: "sent again", method: wire.INVITE, before: "retry", quote: whole, sent: "INVITE INVITE", heard: "txn: port refused"},
		{name: "given up", method: wire.INVITE, before: "cancel", quote: whole, sent: "INVITE", heard: "txn: port refused"},
		{name: "somebody has answered", method: wire.INVITE, before: "100", quote: whole, sent: "INVITE", heard: "100"},
		{name: "over", method: wire.INVITE, before: "486", quote: whole, sent: "INVITE ACK", heard: "486"},
		{name: "in a dialog", method: wire.INVITE, toTag: "theirs", quote: whole, sent: "INVITE"},
		{name: "over a connection", method: wire.INVITE, stream: true, quote: whole, sent: "INVITE"},
		{name: "from another peer", method: wire.INVITE, quote: whole, way: func(k FlowKey) FlowKey {
			k.Remote = newFakeFlow("198.51.100.2:5060", false).key.Remote
			return k
		}, sent: "INVITE"},
		{name: "another method", method: wire.INVITE, quote: func(b string) string { return strings.Replace(b, "INVITE", "CANCEL", 1) }, sent: "INVITE"},
		{name: "the branch is cut", method: wire.INVITE, quote: upTo(";rport"), sent: "INVITE"},
		{name: "the UDP header alone", method: wire.INVITE, quote: upTo("INVITE"), sent: "INVITE"},
		{name: "no branch", method: wire.INVITE, quote: func(b string) string { return strings.Replace(b, ";branch=", ";braid=", 1) }, sent: "INVITE"},
		{name: "a branch made up", method: wire.INVITE, quote: func(b string) string {
			at := strings.Index(b, cookie) + len(cookie) + tokenLen - 1
			return b[:at] + string("ab"[strings.IndexByte("ba", b[at])&1]) + b[at+1:]
		}, sent: "INVITE"},
		{name: "nonsense", method: wire.INVITE, quote: func(string) string { return "\r\n\r\n \r\n" }, sent: "INVITE"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			f := newFakeFlow("198.51.100.1:5060", row.stream)
			cl, err := b.sh.Request(f, request(row.method, "ignored", row.toTag), b.user)
			if err != nil {
				t.Fatal(err)
			}
			sent := string(cl.bytes)
			for ev := range strings.FieldsSeq(row.before) {
				b.live(cl, &wideFlow{fakeFlow: f}, nil, ev)
			}
			k := f.Key()
			if row.way != nil {
				k = row.way(k)
			}
			b.core.Undelivered(k, []byte(row.quote(sent)))
			b.drain()
			if d := cmp.Diff(strings.Fields(row.sent), f.take()); d != "" {
				t.Error(d)
			}
			if got := strings.Join(b.user.take(), " "); got != row.heard {
				t.Errorf("heard %q, want %q", got, row.heard)
			}
			cl.terminate()
			b.elapse(TimerD + dayLength)
			b.left(t)
		})
	}
}

// upTo quotes what stands before end.
func upTo(end string) func(string) string {
	return func(b string) string { return b[:strings.Index(b, end)] }
}

// TestUndeliveredIsTurnedAway: news that anybody can send do not fill a mailbox beyond what answers may.
func TestUndeliveredIsTurnedAway(t *testing.T) {
	b := newBench(t)
	f := newFakeFlow("198.51.100.1:5060", false)
	cl, err := b.sh.Request(f, request(wire.INVITE, "ignored", ""), b.user)
	if err != nil {
		t.Fatal(err)
	}
	most := 2 * b.core.cfg.Mailbox
	for range most + 10 {
		b.core.Undelivered(f.Key(), cl.bytes)
	}
	if n := len(b.sh.box.queue); n != most {
		t.Errorf("%d events queued, want %d", n, most)
	}
}

// FuzzQuoted: whatever a quote says, what is read of it stands in it.
func FuzzQuoted(f *testing.F) {
	f.Add([]byte("INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bKaa0;rport\r\nMax"))
	f.Add([]byte("INVITE sip:x SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK\r\n"))
	f.Add([]byte("\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, ok := quoted(b)
		if ok && !strings.HasPrefix(string(b), string(k.method)+" ") {
			t.Errorf("method %q of %q", k.method, b)
		}
		if ok && !strings.Contains(string(b), ";branch="+k.branch) {
			t.Errorf("branch %q of %q", k.branch, b)
		}
	})
}
