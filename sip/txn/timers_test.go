package txn_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

const t1 = txn.T1

func TestTryingIsSentWhenTheUserIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		time.Sleep(time.Second)
		words, at := n.heard()
		if diff := cmp.Diff([]string{"100"}, words); diff != "" {
			t.Fatal(diff)
		}
		if at[0] > 200*time.Millisecond {
			t.Errorf("100 Trying after %v, RFC 3261 section 17.2.1 allows 200 ms", at[0])
		}
	})
}

func TestNoTryingWhenTheUserIsQuickOrTheMethodIsNotInvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.send(peerRequest(wire.OPTIONS, "c", "1", ""))
		synctest.Wait()
		n.user.request = answer(180)
		n.send(peerRequest(wire.INVITE, "c2", "2", ""))
		time.Sleep(time.Minute)
		words, _ := n.heard()
		if diff := cmp.Diff([]string{"180"}, words); diff != "" {
			t.Error(diff)
		}
	})
}

// TestBusyIsRetransmittedUntilTimerH: timers G and H.
func TestBusyIsRetransmittedUntilTimerH(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.user.request = answer(486)
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		time.Sleep(2 * txn.TimerH)
		words, at := n.heard()
		want := []time.Duration{0, t1, 3 * t1, 7 * t1, 15 * t1, 23 * t1, 31 * t1, 39 * t1, 47 * t1, 55 * t1, 63 * t1}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Error(diff)
		}
		if slices.ContainsFunc(words, func(w string) bool { return w != "486" }) {
			t.Errorf("sent %v", words)
		}
		if diff := cmp.Diff([]string{"INVITE", "unacked"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
		n.empty()
	})
}

func TestUnackedIsReportedAtTimerH(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.user.request = answer(486)
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		time.Sleep(2 * txn.TimerH)
		if got := n.user.lastAt().Sub(n.began); got != txn.TimerH {
			t.Errorf("reported after %v", got)
		}
	})
}

// TestAckStopsTimerG, and Timer I swallows copies of the ACK until the transaction ends.
func TestAckStopsTimerG(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.user.request = answer(486)
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		time.Sleep(2 * t1)
		tag := n.messages()[0].ToTag()
		n.send(peerRequest(wire.ACK, "c", "1", tag))
		time.Sleep(txn.TimerI - time.Millisecond)
		n.send(peerRequest(wire.ACK, "c", "1", tag))
		n.on(func(*txn.Shard) {})
		if s := n.core.Stats(); s.Servers != 1 {
			t.Errorf("%d transactions just before Timer I", s.Servers)
		}
		time.Sleep(time.Millisecond)
		n.empty()
		if words, _ := n.heard(); len(words) != 0 {
			t.Errorf("sent after the ACK: %v", words)
		}
		if diff := cmp.Diff([]string{"INVITE"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestCancelAgain: a CANCEL whose answers were lost is sent until its client gives up (Timer E), and gets the same answer each time, long
// after the INVITE has had its own.
func TestCancelAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.user.cancel = func(_ *txn.Shard, tx *txn.Server, _ *wire.Message) {
			_ = tx.Respond(wire.NewResponse(peerRequest(wire.INVITE, "c", "1", ""), 487, "", tx.Tag()))
		}
		n.send(peerRequest(wire.INVITE, "c", "1", ""))
		n.send(peerRequest(wire.CANCEL, "c", "1", ""))
		synctest.Wait()
		n.send(peerRequest(wire.ACK, "c", "1", n.messages()[0].ToTag()))
		n.heard()
		began := time.Now()
		for wait := t1; ; wait = min(2*wait, txn.T2) {
			time.Sleep(wait)
			if time.Since(began) >= txn.TimerF {
				break
			}
			n.send(peerRequest(wire.CANCEL, "c", "1", ""))
			if words, _ := n.heard(); !slices.Equal(words, []string{"200"}) {
				t.Errorf("%v later: %v", time.Since(began), words)
			}
		}
		n.empty()
		if diff := cmp.Diff([]string{"INVITE", "cancel"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAcceptedEndsAtTimerL: the 2xx is the user's to retransmit; the transaction is silent and swallows INVITEs.
func TestAcceptedEndsAtTimerL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.user.request = answer(200)
		invite := peerRequest(wire.INVITE, "c", "1", "")
		n.send(invite)
		time.Sleep(txn.TimerL - time.Millisecond)
		n.send(invite)
		if words, _ := n.heard(); !slices.Equal(words, []string{"200"}) {
			t.Errorf("sent %v", words)
		}
		time.Sleep(time.Millisecond)
		n.empty()
		if diff := cmp.Diff([]string{"INVITE"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAnswerIsReplayedUntilTimerJ for a request other than INVITE.
func TestAnswerIsReplayedUntilTimerJ(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.user.request = answer(200)
		options := peerRequest(wire.OPTIONS, "c", "1", "")
		n.send(options)
		time.Sleep(txn.TimerJ - time.Millisecond)
		n.send(options)
		first, second := n.messages(), n.user.take()
		if len(first) != 2 || !slices.Equal(first[0].Bytes(), first[1].Bytes()) {
			t.Errorf("answers: %d", len(first))
		}
		if diff := cmp.Diff([]string{"OPTIONS"}, second); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Millisecond)
		n.empty()
		n.send(options)
		synctest.Wait()
		if diff := cmp.Diff([]string{"OPTIONS"}, n.user.take()); diff != "" {
			t.Errorf("after Timer J it is a new request: %s", diff)
		}
	})
}

// TestClientTimers: when a request is sent again, and when it is given up (timers A and B, E and F).
func TestClientTimers(t *testing.T) {
	for _, row := range []struct {
		name   string
		method wire.Method
		answer int             // provisional, to the second copy
		at     []time.Duration // in units of T1
		failed time.Duration
	}{
		{"INVITE", wire.INVITE, 0, []time.Duration{0, 1, 3, 7, 15, 31, 63}, 64},
		{"INVITE that rings", wire.INVITE, 180, []time.Duration{0, 1}, 0},
		{"BYE", wire.BYE, 0, []time.Duration{0, 1, 3, 7, 15, 23, 31, 39, 47, 55, 63}, 64},
		{"BYE in progress", wire.BYE, 100, []time.Duration{0, 1, 3, 11, 19, 27, 35, 43, 51, 59}, 64},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, txn.Config{Shards: 1})
				defer n.stop()
				copies := 0
				n.peer.Then = func(f txn.Flow, raw []byte) {
					if copies++; copies == 2 && row.answer != 0 {
						_ = f.Send(wire.NewResponse(read(t, raw), row.answer, "", "x").Bytes())
					}
				}
				n.request(row.method)
				time.Sleep(5 * time.Minute)
				_, at := n.heard()
				for i := range row.at {
					row.at[i] *= t1
				}
				if diff := cmp.Diff(row.at, at); diff != "" {
					t.Error(diff)
				}
				heard := n.user.take()
				if row.failed == 0 {
					if diff := cmp.Diff([]string{"180"}, heard); diff != "" {
						t.Error(diff)
					}
					return
				}
				if heard[len(heard)-1] != txn.ErrTimeout.Error() {
					t.Errorf("heard %v", heard)
				}
				n.empty()
			})
		})
	}
}

func TestTimersBAndFFireInTime(t *testing.T) {
	for _, method := range []wire.Method{wire.INVITE, wire.BYE} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, txn.Config{Shards: 1})
			defer n.stop()
			n.request(method)
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			if got := n.user.lastAt().Sub(n.began); got != txn.TimerB {
				t.Errorf("%s given up after %v", method, got)
			}
		})
	}
}

// request sends a request to the phone.
func (n *node) request(method wire.Method) *txn.Client {
	n.t.Helper()
	var cl *txn.Client
	n.on(func(sh *txn.Shard) {
		m := peerRequest(method, sh.Token(), "", "")
		var err error
		if cl, err = sh.Request(n.sock.Flow(phone), m, n.user); err != nil {
			n.t.Error(err)
			return
		}
	})
	return cl
}

// TestFinalResponsesAreAbsorbed: every copy of a 486 is acknowledged at once until Timer D, of a 200 to BYE swallowed,
// of a 200 to INVITE passed on until Timer M.
func TestFinalResponsesAreAbsorbed(t *testing.T) {
	for _, row := range []struct {
		method wire.Method
		status int
		lasts  time.Duration
		heard  string
		sent   string
	}{
		{wire.INVITE, 486, txn.TimerD, "486", "INVITE ACK ACK ACK"},
		{wire.INVITE, 200, txn.TimerM, "200 200 200", "INVITE"},
		{wire.BYE, 200, txn.T4, "200", "BYE"},
	} {
		t.Run(string(row.method)+" "+row.heard, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, txn.Config{Shards: 1})
				defer n.stop()
				n.request(row.method)
				sent := n.peer.Take()
				reply := wire.NewResponse(read(t, sent[0].Bytes), row.status, "", "x")
				began := time.Now()
				for _, at := range []time.Duration{0, t1, row.lasts - time.Millisecond, row.lasts + time.Millisecond} {
					time.Sleep(at - time.Since(began))
					n.send(reply)
					synctest.Wait()
					got := n.peer.Take()
					for _, r := range got {
						if r.At.Sub(began) != at {
							t.Errorf("%s %v late", word(t, r.Bytes), r.At.Sub(began)-at)
						}
					}
					sent = append(sent, got...)
				}
				var words []string
				for _, r := range sent {
					words = append(words, word(t, r.Bytes))
				}
				if diff := cmp.Diff(row.sent, strings.Join(words, " ")); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(row.heard, strings.Join(n.user.take(), " ")); diff != "" {
					t.Error(diff)
				}
				n.empty()
			})
		})
	}
}

// TestReliableFlowsRetransmitNothing, and their absorbing states take no time.
func TestReliableFlowsRetransmitNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		here, there := transporttest.Pair(1, transporttest.End{Realm: "web", Addr: gateway, Recv: n.core},
			transporttest.End{Addr: phone, Recv: n.peer})
		n.on(func(sh *txn.Shard) {
			for _, method := range []wire.Method{wire.INVITE, wire.BYE} {
				if _, err := sh.Request(here, peerRequest(method, "c", "", ""), n.user); err != nil {
					t.Error(err)
				}
			}
		})
		time.Sleep(txn.TimerB - time.Millisecond)
		if words, _ := n.heard(); !slices.Equal(words, []string{"INVITE", "BYE"}) {
			t.Errorf("sent %v", words)
		}
		time.Sleep(time.Millisecond)
		n.empty()
		if diff := cmp.Diff([]string{txn.ErrTimeout.Error(), txn.ErrTimeout.Error()}, n.user.take()); diff != "" {
			t.Error(diff)
		}

		n.user.request = answer(486)
		_ = there.Send(peerRequest(wire.INVITE, "c", "1", "").Bytes())
		time.Sleep(20 * t1)
		got := n.messages()
		if len(got) != 1 || got[0].Status != 486 {
			t.Fatalf("sent %d messages", len(got))
		}
		_ = there.Send(peerRequest(wire.ACK, "c", "1", got[0].ToTag()).Bytes())
		synctest.Wait()
		n.empty()
	})
}

// TestCancelledWithoutAnswer: no final response within 64*T1 of the CANCEL ends the INVITE (RFC 3261 section 9.1).
func TestCancelledWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		n.peer.Then = func(f txn.Flow, raw []byte) {
			if m := read(t, raw); m.Method == wire.CANCEL {
				_ = f.Send(wire.NewResponse(m, 481, "", "x").Bytes()) // and rings on
			} else {
				_ = f.Send(wire.NewResponse(m, 180, "", "x").Bytes())
			}
		}
		cl := n.request(wire.INVITE)
		time.Sleep(3 * time.Minute) // ringing has no limit of its own here
		n.on(func(*txn.Shard) { cl.Cancel() })
		cancelled := time.Now()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := n.user.lastAt().Sub(cancelled); got != txn.TimerB {
			t.Errorf("given up %v after the CANCEL", got)
		}
		if diff := cmp.Diff([]string{"180", txn.ErrTimeout.Error()}, n.user.take()); diff != "" {
			t.Error(diff)
		}
		n.empty()
	})
}

func TestUserTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		var stopped, twice txn.Timer
		n.on(func(sh *txn.Shard) {
			sh.After(3*time.Second, func() { n.user.note("3") })
			sh.After(time.Second, func() { n.user.note("1a") })
			sh.After(time.Second, func() { n.user.note("1b") })
			stopped = sh.After(2*time.Second, func() { n.user.note("stopped") })
			twice = sh.After(2*time.Second, func() {
				twice.Stop() // firing: nothing to stop
				n.user.note("2")
				sh.After(0, func() { n.user.note("2 at once") })
			})
			stopped.Stop()
			stopped.Stop()
		})
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"1a", "1b", "2", "2 at once", "3"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
		n.empty()
	})
}

// TestStaleTimer: a Timer kept beyond its firing does not stop the one that uses its entry again.
func TestStaleTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		var old txn.Timer
		n.on(func(sh *txn.Shard) { old = sh.After(time.Second, func() {}) })
		time.Sleep(2 * time.Second)
		n.on(func(sh *txn.Shard) {
			sh.After(time.Second, func() { n.user.note("fired") })
			old.Stop()
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"fired"}, n.user.take()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTimersDoNotStarveMessages: a timer that sets itself again at once leaves room between.
func TestTimersDoNotStarveMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, txn.Config{Shards: 1})
		defer n.stop()
		rounds, stop := 0, false
		n.on(func(sh *txn.Shard) {
			var spin func()
			spin = func() {
				if rounds++; rounds == 10 {
					_ = n.core.Post(0, func(*txn.Shard) { stop = true })
				}
				if !stop && rounds < 100_000 {
					sh.After(0, spin)
				}
			}
			sh.After(0, spin)
		})
		time.Sleep(time.Second)
		n.on(func(*txn.Shard) {
			if rounds > 1000 {
				t.Errorf("a message waited for %d timers", rounds)
			}
		})
	})
}
