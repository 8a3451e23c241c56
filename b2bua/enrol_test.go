package b2bua

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// TestEnrolmentInVain: a registrar that says nothing is asked later each time, within half an hour for good, and the operator is told once.
func TestEnrolmentInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			c.Trunks[0].Register = Register{AOR: wire.URI{Scheme: "sip", User: "4930", Host: "provider.example"}}
		})
		w.sw.Enrol()
		begin := time.Now()
		var asked []time.Duration // when each REGISTER came first
		for seq := uint32(0); time.Since(begin) < 6*time.Hour; {
			time.Sleep(time.Second)
			synctest.Wait()
			w.record(func() {
				for _, m := range w.peers["T"].inbox {
					if m.Method == wire.REGISTER && m.CSeq.Seq > seq {
						seq = m.CSeq.Seq
						asked = append(asked, time.Since(begin))
					}
				}
				w.peers["T"].inbox = nil
			})
		}
		if len(asked) < 15 || len(asked) > 40 {
			t.Errorf("asked %d times in six hours", len(asked))
		}
		for i := 1; i < len(asked); i++ {
			gap, least := asked[i]-asked[i-1], enrolAgain/2<<min(i-1, 5)
			if gap < least || gap > enrolRarely+enrolPatience+time.Second {
				t.Errorf("try %d: %s behind the one before, want %s at least", i+1, gap, least)
			}
		}
		told := 0
		w.record(func() {
			for _, e := range w.events {
				if l, ok := e.(telemetry.Lifecycle); ok && l.What == "registration failed" {
					told++
				}
			}
		})
		if told != 1 {
			t.Errorf("the operator is told %d times", told)
		}
		if err := w.sw.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		w.close()
	})
}
