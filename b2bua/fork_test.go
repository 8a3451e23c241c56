package b2bua

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// TestEndlessForks: a trunk that makes up To tags is not sent a PRACK, or an ACK and a BYE with their retransmissions, for each of them.
func TestEndlessForks(t *testing.T) {
	rows := []struct {
		name, begin, fork, answers string
		served                     int    // how many
		then, end                  string // what the others get
	}{
		{"answers", "T -> 200 tag=first keep\nT <- ACK\nA <- 200\nA -> ACK", "T -> 200 tag=%[1]d method=INVITE keep", "T <- ACK\nT <- BYE\nT -> 200 tag=%[1]d method=BYE",
			maxForks - 1, "T <- nothing", "A -> BYE\nA <- 200\nT <- BYE ~tag=first\nT -> 200 method=BYE"},
		{"answers behind the end", "T -> 180 tag=first keep\nA <- 180\nA -> CANCEL\nA <- 200\nA <- 487\nA -> ACK\nT <- CANCEL\nT -> 200 method=CANCEL\nT -> 200 tag=first method=INVITE keep\n" +
			"T <- ACK\nT <- BYE\nT -> 200 method=BYE tag=first", "T -> 200 tag=%[1]d method=INVITE keep", "T <- ACK\nT <- BYE\nT -> 200 tag=%[1]d method=BYE",
			maxForks, "T <- nothing", ""},
		{"reliable ringing", "T -> 180 tag=first keep\nA <- 180", "T -> 183 Require:100rel RSeq:1 tag=%[1]d method=INVITE keep nosdp",
			"T <- PRACK\nA <- 180\nT -> 200 tag=%[1]d method=PRACK",
			maxForks - 1, "T <- nothing\nA <- 180", "T -> 486 method=INVITE\nT <- ACK\nA <- 486\nA -> ACK"},
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			var flow strings.Builder
			flow.WriteString("A -> INVITE 100\nT <- INVITE\n" + tt.begin + "\n")
			for i := range 2 * maxForks {
				fmt.Fprintf(&flow, tt.fork+"\n", i)
				if i < tt.served {
					fmt.Fprintf(&flow, tt.answers+"\n", i)
				} else {
					flow.WriteString(tt.then + "\n")
				}
			}
			synctest.Test(t, func(t *testing.T) { play(t, flow.String()+tt.end, nil) })
		})
	}
}
