package registrar

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// user is a transaction user that knows REGISTER only.
type user struct{ *Registrar }

func (user) Cancel(*txn.Shard, *txn.Server, *wire.Message) {}
func (user) Unacked(*txn.Shard, *txn.Server)               {}
func (user) FlowLost(*txn.Shard, txn.FlowKey)              {}

// TestRefusalsCostNothing: a stranger can earn a challenge or another refusal as often as he likes, over datagrams too: no transaction is
// kept for it. A registration is: its copies get the same answer.
func TestRefusalsCostNothing(t *testing.T) {
	for name, row := range map[string]struct {
		extra []string
		kept  int
	}{
		"challenge":      {nil, 0},
		"another domain": {[]string{"To: <sip:alice@elsewhere.example>"}, 0},
		"unreadable":     {[]string{`Authorization: Digest realm="` + domain + `", qop=auth, cnonce="c", nc=1`}, 0},
		"registered":     {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := newRegistrar(t)
				core, err := txn.New(txn.Config{Shards: 1, User: user{r}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = core.Run(ctx) // ends with ctx
				}()
				f := udp("192.0.2.7:5060")
				m := request(t, wire.REGISTER, 1, row.extra...)
				if row.kept > 0 {
					challenge := r.challenge(f, wire.REGISTER, false, time.Now())[0].Value
					m = request(t, wire.REGISTER, 1, "Authorization: "+answerTo(t, challenge, "alice", password, wire.REGISTER, 1))
				}
				core.Receive(f, m.Bytes())
				synctest.Wait()
				if s := core.Stats(); s.Servers != row.kept || s.Timers != row.kept {
					t.Errorf("%d transactions and %d timers, want %d", s.Servers, s.Timers, row.kept)
				}
				stop()
				<-done
			})
		})
	}
}
