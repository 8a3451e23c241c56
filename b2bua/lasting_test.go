package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// perform runs the lines of a flow in the middle of a test, in virtual time.
func perform(p *player, text string) {
	for i, line := range strings.Split(text, "\n") {
		p.line, p.text = i+1, line
		p.step(strings.Fields(line))
		synctest.Wait()
		if p.t.Failed() {
			p.stop()
			<-p.stopped
			p.t.FailNow()
		}
	}
}

// A subscription whose NOTIFY the near side cannot take any more is over, whatever the NOTIFY says of its time.
func TestASubscriptionThatIsOverStaysOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{world: newWorld(t, nil)}
		perform(p, `A -> SUBSCRIBE 100 Event:message-summary;id=7 expires=600
T <- SUBSCRIBE
T -> 200 expires=300
A <- 200`)
		p.record(func() { p.peers["A"].flow.ended = true }) // it takes nothing, and is about to be told lost
		perform(p, "T -> NOTIFY Event:message-summary Subscription-State:active;expires=86400 body=mwi")
		p.core.FlowLost(p.peers["A"].flow, nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s, n := p.core.Stats(), p.sw.Subscriptions(); n != 0 || s.Timers != 0 {
			t.Errorf("%d subscriptions, %d timers after ten minutes", n, s.Timers)
		}
		p.stop()
		<-p.stopped
	})
}

// A caller that says again and again that it has not reserved what it needs has the time for it that began with the first.
func TestACallerReservesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{world: newWorld(t, nil)}
		perform(p, `U -> INVITE 100 qos=none Supported:100rel,_precondition
U <- 183 sendrecv
U -> PRACK
U <- 200 for=PRACK
wait 28s
U -> UPDATE sendrecv qos=none
U <- 200 for=UPDATE`)
		time.Sleep(lifetime / 2)
		synctest.Wait()
		if n := p.sw.Active(); n != 0 {
			t.Errorf("%d calls are in set-up", n)
		}
		p.stop()
		<-p.stopped
	})
}

// A peer that raises what it asks for with each refresh is obeyed once, and asked again later.
func TestARefreshIsRaisedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{world: newWorld(t, nil)}
		perform(p, `A -> INVITE 100
T <- INVITE
T -> 200 Session-Expires:1800;refresher=uac Require:timer Allow:INVITE,_ACK,_BYE,_CANCEL
T <- ACK
A <- 200
A -> ACK
wait 15m
T <- INVITE
T -> 422 Min-SE:1801
T <- ACK
T <- INVITE
T -> 422 Min-SE:1802
T <- ACK`)
		time.Sleep(400 * time.Millisecond)
		synctest.Wait()
		for _, m := range p.peers["T"].inbox {
			t.Errorf("%s at once", m.CSeq.Method)
		}
		p.stop()
		<-p.stopped
	})
}
