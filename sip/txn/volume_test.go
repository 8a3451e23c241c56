package txn_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// tally counts what becomes of the calls that it places, by Call-ID.
type tally struct {
	finals map[string]int
	failed map[string]int
	byes   map[string]int
}

func newTally() *tally {
	return &tally{finals: make(map[string]int), failed: make(map[string]int), byes: make(map[string]int)}
}

// caller is the ClientUser of one call.
type caller struct {
	*tally
	call string
	flow txn.Flow
	got  bool
}

func (u *caller) Response(sh *txn.Shard, tx *txn.Client, m *wire.Message) {
	switch {
	case m.Status < 200:
	case m.CSeq.Method == wire.BYE:
		u.byes[u.call]++
	default:
		if !u.got {
			u.got = true
			u.finals[u.call]++
			if m.Status < 300 {
				bye := peerRequest(wire.BYE, u.call, "", m.ToTag())
				bye.CSeq.Seq = 2
				_, _ = sh.Request(u.flow, bye, u)
			}
		}
		if m.Status < 300 {
			_ = sh.Send(u.flow, peerRequest(wire.ACK, u.call, "ack"+u.call, m.ToTag()).Bytes())
		}
	}
}

func (u *caller) Failed(_ *txn.Shard, tx *txn.Client, err error) { u.failed[u.call]++ }

// TestLossyNetwork: two cores over a network that loses, doubles and re-orders. Every request reaches its user once, every INVITE
// ends once, nothing is left.
func TestLossyNetwork(t *testing.T) {
	const calls = 300
	synctest.Test(t, func(t *testing.T) {
		net := new(transporttest.Net)
		fate := rand.New(rand.NewPCG(1, 2))
		net.SetFate(func(transporttest.Datagram) []time.Duration {
			delay := func() time.Duration { return time.Duration(1+fate.IntN(60)) * time.Millisecond }
			switch fate.IntN(10) { // a tenth lost: eleven copies of a request do not all fall to it
			case 0:
				return nil
			case 1, 2:
				return []time.Duration{delay(), delay()}
			default:
				return []time.Duration{delay()}
			}
		})
		requests := make(map[string]int)
		uas := &scriptUser{request: func(sh *txn.Shard, tx *txn.Server, _ txn.Flow, m *wire.Message) {
			if tx == nil {
				return // ACK
			}
			requests[string(m.Method)+m.CallID]++
			status := 200
			if m.Method == wire.INVITE && len(m.CallID)%2 == 0 {
				status = 486
			}
			resp := wire.NewResponse(m, status, "", tx.Tag())
			_ = tx.Respond(resp)
			if m.Method == wire.INVITE && status == 200 {
				resend(sh, tx, txn.T1)
			}
		}}
		start := func(at netip.AddrPort, u txn.User) (*txn.Core, *transporttest.Socket, func()) {
			core, err := txn.New(txn.Config{Shards: 1, User: u}) // one shard: the counters need no lock
			if err != nil {
				t.Fatal(err)
			}
			return core, net.Listen("", at, core), run(t, core)
		}
		a, sock, stopA := start(gateway, new(scriptUser))
		b, _, stopB := start(phone, uas)
		defer stopA()
		defer stopB()
		sum := newTally()
		for i := range calls {
			_ = a.Post(0, func(sh *txn.Shard) {
				u := &caller{tally: sum, call: fmt.Sprint("c", i), flow: sock.Flow(phone)}
				if _, err := sh.Request(u.flow, peerRequest(wire.INVITE, u.call, "", ""), u); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for i := range calls {
			call := fmt.Sprint("c", i)
			if requests["INVITE"+call] != 1 || sum.finals[call] != 1 || sum.failed[call] != 0 {
				t.Errorf("%s: delivered %d times, %d finals, %d failed", call, requests["INVITE"+call], sum.finals[call], sum.failed[call])
			}
			if busy := len(call)%2 == 0; !busy && (requests["BYE"+call] != 1 || sum.byes[call] != 1) {
				t.Errorf("%s: BYE delivered %d times, answered %d", call, requests["BYE"+call], sum.byes[call])
			}
		}
		for _, c := range []*txn.Core{a, b} {
			if s := c.Stats(); s.Servers+s.Clients+s.Timers+s.Mailbox != 0 || s.Panics != 0 {
				t.Errorf("left behind: %+v", s)
			}
		}
	})
}

// resend is a user's 2xx retransmission, without the ACK that stops it: until the transaction ends.
func resend(sh *txn.Shard, tx *txn.Server, d time.Duration) {
	sh.After(d, func() {
		if tx.Resend() == nil {
			resend(sh, tx, min(2*d, txn.T2))
		}
	})
}

// TestTenThousandTransactions run on the goroutines that were there before, and leave nothing behind.
func TestTenThousandTransactions(t *testing.T) {
	const count = 10_000
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 8, Mailbox: count})
		defer n.stop()
		n.user.request = answer(486)
		synctest.Wait()
		before := runtime.NumGoroutine()
		for i := range count {
			n.send(peerRequest(wire.INVITE, fmt.Sprint(i), fmt.Sprint(i), ""))
		}
		synctest.Wait()
		if s := n.core.Stats(); s.Servers != count {
			t.Errorf("%d transactions", s.Servers)
		}
		if got := runtime.NumGoroutine(); got > before {
			t.Errorf("%d goroutines, %d before", got, before)
		}
		for _, m := range n.messages() {
			n.send(peerRequest(wire.ACK, m.CallID, m.CallID, m.ToTag()))
		}
		time.Sleep(txn.TimerI)
		synctest.Wait()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		n.empty()
		if words, _ := n.heard(); len(words) != 0 {
			t.Errorf("%d messages after the ACKs", len(words))
		}
	})
}
