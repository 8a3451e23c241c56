package txn_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// TestReceivedAndRport: RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581 section 4. The request comes from source; the answer is
// looked for where it must go.
func TestReceivedAndRport(t *testing.T) {
	for _, row := range []struct {
		name, source, via string
		answer            string // where it must arrive
		want              string // the Via that comes back, from the host on
	}{
		{"sent-by is the source", "198.51.100.1:5060", "198.51.100.1", "198.51.100.1:5060", "198.51.100.1;branch=z9hG4bKx"},
		{"sent-by port, no rport", "198.51.100.1:40000", "198.51.100.1:5070", "198.51.100.1:5070", "198.51.100.1:5070;branch=z9hG4bKx"},
		{"no port, no rport", "198.51.100.1:40000", "198.51.100.1", "198.51.100.1:5060", "198.51.100.1;branch=z9hG4bKx"},
		{"behind a NAT, no rport", "198.51.100.1:40000", "10.0.0.9:5060", "198.51.100.1:5060", "10.0.0.9:5060;branch=z9hG4bKx;received=198.51.100.1"},
		{"host name", "198.51.100.1:5060", "pbx.example", "198.51.100.1:5060", "pbx.example;branch=z9hG4bKx;received=198.51.100.1"},
		{"rport", "198.51.100.1:40000", "10.0.0.9:5060;rport", "198.51.100.1:40000", "10.0.0.9:5060;rport=40000;branch=z9hG4bKx;received=198.51.100.1"},
		{"rport from the sent-by", "198.51.100.1:5060", "198.51.100.1;rport", "198.51.100.1:5060", "198.51.100.1;rport=5060;branch=z9hG4bKx;received=198.51.100.1"},
		{"a received of the peer's own", "198.51.100.1:5060", "198.51.100.1;received=203.0.113.66", "198.51.100.1:5060", "198.51.100.1;branch=z9hG4bKx"},
		{"a maddr is no place we send to", "198.51.100.1:5060", "198.51.100.1;maddr=203.0.113.66", "198.51.100.1:5060", "198.51.100.1;maddr=203.0.113.66;branch=z9hG4bKx"},
		{"IPv6", "[2001:db8::1]:40000", "[2001:db8::9];rport", "[2001:db8::1]:40000", "[2001:db8::9];rport=40000;branch=z9hG4bKx;received=2001:db8::1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, txn.Config{Shards: 1})
				defer n.stop()
				n.user.request = answer(200)
				got := new(transporttest.Recorder)
				n.net.Listen("", netip.MustParseAddrPort(row.answer), got)
				m := peerRequest(wire.OPTIONS, "c", "", "")
				var err error
				if m.Via[0], err = wire.ParseVia("SIP/2.0/UDP " + row.via + ";branch=z9hG4bKx"); err != nil {
					t.Fatal(err)
				}
				_ = n.net.Listen("", netip.MustParseAddrPort(row.source), got).Flow(gateway).Send(m.Bytes())
				synctest.Wait()
				rs := got.Take()
				if len(rs) != 1 || rs[0].Flow.Key().Local.String() != row.answer {
					t.Fatalf("%d answers, at %v", len(rs), rs)
				}
				via := strings.TrimPrefix(read(t, rs[0].Bytes).Via[0].String(), "SIP/2.0/UDP ")
				if diff := cmp.Diff(row.want, via); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestShardOfTheCall: INVITE, its ACK and CANCEL, and what carries our own tag or branch meet on one shard.
func TestShardOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 16})
		defer n.stop()
		shards := make(map[string][]int) // by Call-ID
		n.user.request = func(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
			shards[m.CallID] = append(shards[m.CallID], sh.Index())
			answer(200)(sh, tx, f, m)
		}
		for i := range 40 {
			call := fmt.Sprint("call", i)
			n.send(peerRequest(wire.INVITE, call, "i"+call, ""))
			tag := n.messages()[0].ToTag()
			n.send(peerRequest(wire.ACK, call, "a"+call, tag))
			bye := peerRequest(wire.BYE, call, "b"+call, tag)
			bye.From.Params.Set("tag", "other") // only our own tag leads
			n.send(bye)
			synctest.Wait()
			got := shards[call]
			if len(got) != 3 || got[0] != got[1] || got[0] != got[2] {
				t.Errorf("%s: shards %v", call, got)
			}
			n.peer.Take()
		}
	})
}

const malformed = "OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK%d\r\n" +
	"From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: m%d\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

// TestMalformed is answered, but not without end: a source may be forged.
func TestMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused uint64
		n := newNode(t, txn.Config{Shards: 1, Events: telemetry.Listener{Refused: func(e telemetry.Refused) { refused += e.Count }}})
		defer n.stop()
		for i := range 200 {
			_ = n.phone.Send(fmt.Appendf(nil, malformed, i, i))
		}
		words, _ := n.heard()
		if len(words) != 20 || words[0] != "400" {
			t.Errorf("%d answers to 200 malformed requests, first %v", len(words), words[:1])
		}
		if refused != 200 {
			t.Errorf("%d reported", refused)
		}
		time.Sleep(time.Second)
		for i := range 200 {
			_ = n.phone.Send(fmt.Appendf(nil, malformed, i, i))
		}
		if words, _ := n.heard(); len(words) != 10 {
			t.Errorf("%d answers in the next second", len(words))
		}
		if got := n.user.take(); len(got) != 0 {
			t.Errorf("the user heard %v", got)
		}
		n.empty()
	})
}

func TestRefusedByForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		unknown := peerRequest("BREW", "c1", "1", "")
		require := peerRequest(wire.INVITE, "c2", "2", "")
		require.Add("Require", "teleport")
		for range 2 {
			n.send(unknown)
			n.send(require)
		}
		got := n.messages()
		if len(got) != 4 || got[0].Status != 501 || !got[0].HasOption("Allow", "INVITE") || got[1].Status != 420 || got[1].Get("Unsupported") != "teleport" {
			t.Fatalf("answers: %v", got)
		}
		if got[1].ToTag() == "" || got[1].ToTag() != got[3].ToTag() {
			t.Errorf("To tags of one request's answers: %q, %q", got[1].ToTag(), got[3].ToTag())
		}
		n.send(peerRequest(wire.ACK, "c2", "2", got[1].ToTag()))
		synctest.Wait()
		if heard := n.user.take(); len(heard) != 0 {
			t.Errorf("the user heard %v", heard)
		}
		for _, s := range []string{"", "\x00\x01\x02", "SIP/2.0 200 OK\r\n\r\n", "INVITE sip:b SIP/2.0\r\n\r\n", "ACK sip:b@b SIP/2.0\r\nVia: x\r\n\r\n"} {
			_ = n.phone.Send([]byte(s))
		}
		if words, _ := n.heard(); len(words) != 0 {
			t.Errorf("answered: %v", words)
		}
		n.empty()
	})
}

// TestOverload: with a full mailbox new requests are refused before they cost anything, and what belongs to a call still gets in.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1, Mailbox: 8})
		defer n.stop()
		block := make(chan struct{})
		_ = n.core.Post(0, func(*txn.Shard) { <-block })
		synctest.Wait()
		for i := range 7 {
			n.send(peerRequest(wire.INVITE, fmt.Sprint("in", i), fmt.Sprint("in", i), ""))
		}
		retry := make(map[string]bool)
		for i := range 50 {
			for _, method := range []wire.Method{wire.INVITE, wire.REGISTER, wire.SUBSCRIBE, wire.MESSAGE} {
				m := peerRequest(method, fmt.Sprint(method, i), fmt.Sprint(method, i), "")
				n.send(m)
				n.send(m)
				got := n.messages()
				if len(got) != 2 || got[0].Status != 503 || !slices.Equal(got[0].Bytes(), got[1].Bytes()) {
					t.Fatalf("%s: %d answers, not twice the same 503", method, len(got))
				}
				after, err := strconv.Atoi(got[0].Get("Retry-After"))
				if err != nil || after < 5 || after > 15 {
					t.Errorf("Retry-After %q", got[0].Get("Retry-After"))
				}
				retry[got[0].Get("Retry-After")] = true
				n.send(peerRequest(wire.ACK, fmt.Sprint(method, i), fmt.Sprint(method, i), got[0].ToTag()))
			}
		}
		if len(retry) < 5 {
			t.Errorf("Retry-After is not spread: %v", retry)
		}
		n.send(peerRequest(wire.INVITE, "in0", "in0", "")) // its first copy is queued: no second answer
		for _, method := range []wire.Method{wire.BYE, wire.CANCEL, wire.PRACK, wire.ACK} {
			n.send(peerRequest(method, "in0", "in0"+map[bool]string{true: string(method)}[method != wire.CANCEL], "tag"))
		}
		if err := n.core.Post(0, func(*txn.Shard) {}); !errors.Is(err, txn.ErrOverload) {
			t.Errorf("Post: %v", err)
		}
		n.core.PostForced(0, func(*txn.Shard) { n.user.note("forced") })
		if words, _ := n.heard(); len(words) != 0 {
			t.Errorf("answered while queued: %v", words)
		}
		close(block)
		synctest.Wait()
		want := append(slices.Repeat([]string{"INVITE"}, 7), "BYE", "cancel", "PRACK", "ACK", "forced")
		if diff := cmp.Diff(want, n.user.take()); diff != "" {
			t.Error(diff)
		}
		if s := n.core.Stats(); s.Overload != 400 || s.Mailbox != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestALateShardTakesNothingNew: what waits for longer than a burst explains means that more is coming than is served.
func TestALateShardTakesNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		const late = 200 * time.Millisecond
		block := make(chan struct{})
		_ = n.core.Post(0, func(*txn.Shard) { <-block })
		n.send(peerRequest(wire.INVITE, "first", "first", ""))
		time.Sleep(late / 2)
		n.send(peerRequest(wire.INVITE, "second", "second", ""))
		if got := n.messages(); len(got) != 0 {
			t.Fatalf("answered while queued: %v", got)
		}
		time.Sleep(late/2 + time.Millisecond)
		const lateDepth = 64 // one of them is the function above
		for i := range lateDepth - 3 {
			n.send(peerRequest(wire.INVITE, fmt.Sprint("more", i), fmt.Sprint("more", i), ""))
		}
		if got := n.messages(); len(got) != 0 {
			t.Fatalf("a host that stood still for 110 ms refuses calls: %v", got)
		}
		n.send(peerRequest(wire.INVITE, "third", "third", ""))
		if got := n.messages(); len(got) != 1 || got[0].Status != 503 {
			t.Errorf("behind the limit: %v", got)
		}
		n.send(peerRequest(wire.BYE, "first", "bye", "tag"))
		close(block)
		synctest.Wait()
		if diff := cmp.Diff(append(slices.Repeat([]string{"INVITE"}, lateDepth-1), "BYE"), n.user.take()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Minute)
		n.send(peerRequest(wire.INVITE, "fourth", "fourth", ""))
		synctest.Wait()
		if diff := cmp.Diff([]string{"INVITE"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestLargeMessagesFillTheMailboxSooner: few of them may wait, however many events it could hold.
func TestLargeMessagesFillTheMailboxSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		block := make(chan struct{})
		_ = n.core.Post(0, func(*txn.Shard) { <-block })
		synctest.Wait()
		const large, room = 60 << 10, 8 << 20
		for i := range 2 * room / large {
			m := peerRequest(wire.OPTIONS, fmt.Sprint("large", i), fmt.Sprint("large", i), "")
			m.Body = make([]byte, large)
			n.send(m)
		}
		if s := n.core.Stats(); s.Mailbox-1 > room/large+1 || s.Overload == 0 { // the blocked function is one of them
			t.Errorf("%d messages of %d bytes are queued, %d turned away", s.Mailbox-1, large, s.Overload)
		}
		close(block)
		synctest.Wait()
		if s := n.core.Stats(); s.Mailbox != 0 {
			t.Errorf("%d left", s.Mailbox)
		}
		n.send(peerRequest(wire.INVITE, "after", "after", ""))
		synctest.Wait()
		if !slices.Contains(n.user.take(), "INVITE") {
			t.Error("the room is not given back")
		}
	})
}

// TestHardLimit: even what belongs to calls is bounded; only forced events are not.
func TestHardLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1, Mailbox: 8})
		defer n.stop()
		block := make(chan struct{})
		_ = n.core.Post(0, func(*txn.Shard) { <-block })
		for i := range 100 {
			n.send(peerRequest(wire.BYE, "c", fmt.Sprint(i), "x"))
		}
		for range 100 {
			n.core.PostForced(0, func(*txn.Shard) {})
		}
		if s := n.core.Stats(); s.Mailbox != 16+100 {
			t.Errorf("%d queued", s.Mailbox)
		}
		close(block)
		synctest.Wait()
	})
}

// TestOrderOfAFlow: INVITE, CANCEL, and whatever follows, arrive at the user as they came.
func TestOrderOfAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{})
		defer n.stop()
		for i := range 300 {
			id := fmt.Sprint(i)
			n.send(peerRequest(wire.INVITE, id, "i"+id, ""))
			n.send(peerRequest(wire.CANCEL, id, "i"+id, ""))
			synctest.Wait()
			if diff := cmp.Diff([]string{"INVITE", "cancel"}, n.user.take()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{})
		defer n.stop()
		var seqs []uint32
		n.user.request = func(_ *txn.Shard, _ *txn.Server, _ txn.Flow, m *wire.Message) { seqs = append(seqs, m.CSeq.Seq) }
		for i := range 1000 {
			m := peerRequest(wire.INFO, "c", fmt.Sprint(i), "x")
			m.CSeq.Seq = uint32(i)
			n.send(m)
		}
		synctest.Wait()
		if len(seqs) != 1000 || !slices.IsSorted(seqs) {
			t.Errorf("%d messages, in order: %v", len(seqs), slices.IsSorted(seqs))
		}
	})
}

// TestPanicIsIsolated: the request is answered 500, the panic reported without the peer's words, and the shard goes on.
func TestPanicIsIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		n := newNode(t, txn.Config{Shards: 1, Events: telemetry.Listener{Lifecycle: func(e telemetry.Lifecycle) { told = append(told, e.What+" "+e.Detail) }}})
		defer n.stop()
		n.user.request = func(_ *txn.Shard, _ *txn.Server, _ txn.Flow, m *wire.Message) { panic("secret " + m.CallID) }
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		words, _ := n.heard()
		if diff := cmp.Diff([]string{"500"}, words); diff != "" {
			t.Error(diff)
		}
		n.on(func(sh *txn.Shard) { sh.After(time.Second, func() { panic("in a timer") }) })
		_ = n.core.Post(0, func(*txn.Shard) { var m map[string]int; m["x"] = 1 }) //nolint:staticcheck // a mistake of the runtime's kind is wanted
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(told) != 3 || n.core.Stats().Panics != 3 {
			t.Fatalf("reported %q", told)
		}
		for _, s := range told {
			if !strings.HasPrefix(s, "panic ") || strings.Contains(s, "secret") || !strings.Contains(s, "receive_test") && !strings.Contains(s, "TestPanicIsIsolated") {
				t.Errorf("reported %q", s)
			}
		}
		n.user.request = answer(200)
		n.send(peerRequest(wire.OPTIONS, "c2", "2", ""))
		if words, _ := n.heard(); !slices.Contains(words, "200") {
			t.Errorf("after the panics: %v", words)
		}
	})
}

func TestFlowLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 4})
		defer n.stop()
		here, there := transporttest.Pair(1, transporttest.End{Realm: "web", Addr: gateway, Recv: n.core},
			transporttest.End{Addr: phone, Recv: n.peer})
		keep, _ := transporttest.Pair(2, transporttest.End{Realm: "web", Addr: gateway, Recv: n.core},
			transporttest.End{Addr: phone, Recv: n.peer})
		var tx *txn.Server
		n.user.request = func(_ *txn.Shard, s *txn.Server, _ txn.Flow, _ *wire.Message) { tx = s }
		n.on(func(sh *txn.Shard) {
			for _, f := range []txn.Flow{here, here, keep, here} {
				if _, err := sh.Request(f, peerRequest(wire.INVITE, "c", "", ""), n.user); err != nil {
					t.Error(err)
				}
			}
		})
		invite := peerRequest(wire.INVITE, "in", "1", "")
		_ = there.Send(invite.Bytes())
		synctest.Wait()
		n.user.take()
		there.Break(fmt.Errorf("gone"))
		synctest.Wait()
		heard := n.user.take()
		slices.Sort(heard)
		want := append(slices.Repeat([]string{"flow lost"}, 4), slices.Repeat([]string{"txn: flow lost: gone"}, 3)...)
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Error(diff)
		}
		if err := tx.Respond(wire.NewResponse(invite, 200, "", "x")); !errors.Is(err, txn.ErrTerminated) {
			t.Errorf("answer to a lost flow: %v", err)
		}
		n.on(func(*txn.Shard) {})
		if s := n.core.Stats(); s.Clients != 1 || s.Servers != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 2})
		n.stop()
		if err := n.core.Post(1, func(*txn.Shard) {}); !errors.Is(err, txn.ErrStopped) {
			t.Errorf("Post: %v", err)
		}
		n.core.PostForced(1, func(*txn.Shard) { t.Error("ran") })
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		if words, _ := n.heard(); len(words) != 0 {
			t.Errorf("answered %v", words)
		}
	})
}

// FuzzReceive: whatever comes in, nothing panics, at most one answer goes out, and only to something that can be a request.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(malformed, 1, 1)))
	f.Add(peerRequest(wire.INVITE, "c", "1", "").Bytes())
	f.Add(peerRequest(wire.CANCEL, "c", "1", "").Bytes())
	f.Add(wire.NewResponse(peerRequest(wire.INVITE, "c", "1", ""), 200, "", "x").Bytes())
	core, err := txn.New(txn.Config{Shards: 1, Mailbox: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var net transporttest.Net
		peer := new(transporttest.Recorder)
		net.Listen("", phone, peer)
		core.Receive(net.Listen("", gateway, core).Flow(phone), raw)
		if core.Stats().Panics != 0 {
			t.Fatal("panic")
		}
		got := peer.Take()
		if len(got) > 1 {
			t.Fatalf("%d answers", len(got))
		}
		if len(got) == 1 && strings.HasPrefix(strings.TrimLeft(string(raw), "\r\n"), "SIP/2.0 ") {
			t.Fatalf("a response was answered %q", got[0].Bytes)
		}
	})
}
