package b2bua

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// raceRule is one rule for messages that cross or come out of turn, and the tests that hold it.
type raceRule struct {
	rule  string
	flows []string // testdata/flows/NAME.flow
	rows  []string // of TestRaces
	tests []string // elsewhere: FILE:FUNC
}

// raceRules are the races that the signalling reference names, one row each, and behind them those of RFC 5407.
var raceRules = []raceRule{
	{rule: "A cancels while B answers", flows: []string{"cancel_answer_race", "cancel_too_late", "prack_held_cancel"},
		rows: []string{"caller cancels, callee answers first", "caller cancels, callee's 2xx is on its way", "and that 2xx comes twice"}},
	{rule: "CANCEL before any 1xx from B", flows: []string{"cancel_early"},
		rows: []string{"caller cancels before any 1xx: the CANCEL is asked for, the transaction holds it back"}},
	{rule: "CANCEL before its INVITE was processed", tests: []string{"../sip/txn/receive_test.go:TestOrderOfAFlow"}},
	{rule: "repeated CANCEL; 487 for our own CANCEL; CANCEL answered 481 and ringing on", flows: []string{"cancel_ringing", "cancel_never_answered"},
		rows: []string{"cancelled twice", "a cancelled INVITE is never answered", "a cancelled INVITE times out"}},
	{rule: "two BYEs cross", flows: []string{"bye_crossing"}, rows: []string{"two BYEs cross"}},
	{rule: "callee hangs up before A's ACK", flows: []string{"lost_ack_callee_hangs_up", "prack_held_callee_leaves"},
		rows: []string{"callee hangs up before the caller's ACK", "the same, and the ACK never comes", "caller hangs up before its own ACK"}},
	{rule: "merged INVITE", flows: []string{"merged"}, tests: []string{"../sip/txn/server_test.go:TestMergedRequest"}},
	{rule: "re-INVITE and UPDATE glare", flows: []string{"glare", "update_early", "update_early_late_offer", "update_with_offer", "update_meets_reinvite"}},
	{rule: "coupled re-INVITE, other leg busy: hold and refresh are answered on their leg", flows: []string{"hold_from_both_sides", "hold_forms"}},
	{rule: "a browser's re-INVITE meets glare", flows: []string{"glare_browser"}},
	{rule: "2xx retransmitted by B", flows: []string{"lost_200", "session_refresh_reinvite"}, rows: []string{"the callee's 2xx comes again"}},
	{rule: "forked 2xx", flows: []string{"forked_2xx_downstream", "fork_late_answer"}, rows: []string{"two contacts answer at once"}},
	{rule: "several 18x with different To tags", flows: []string{"early_forks", "early_forks_reliable", "early_gate", "early_branches", "reliable_18x_fork"}},
	{rule: "2xx while a reliable 18x with SDP is un-PRACKed", flows: []string{"prack_holds_200", "prack_late_offer"},
		rows: []string{"2xx while a reliable 18x with SDP waits"}},
	{rule: "PRACK after the 2xx was sent; PRACK with unknown RAck", flows: []string{"prack_after_200", "prack_after_refusal", "prack_unknown"},
		rows: []string{"PRACK behind the 2xx"}},
	{rule: "lower CSeq in the dialog; an INVITE while another is in progress", flows: []string{"cseq_low"},
		rows: []string{"a re-INVITE before our 2xx is acknowledged"}},
	{rule: "6xx ends hunting", flows: []string{"refused_603", "refused_604"}, rows: []string{"two contacts, one declines for both"}},
	{rule: "3xx is followed or mapped", flows: []string{"moved", "redirect_same_trunk", "redirect_loop", "redirect_mapped", "redirect_realm"}},
	{rule: "503, 408, Timer B, transport error: the next target, never once a 18x was relayed",
		flows: []string{"failover", "failover_timeout", "failover_unreachable", "no_failover_after_ringing", "target_rests"},
		rows:  []string{"nobody there: the next one", "transport error: the next one", "no next one after a 18x", "Timer C turns to the next one"}},
	{rule: "all targets failed", flows: []string{"failover_all_failed", "failed_503_to_trunk"}, rows: []string{"nobody is reachable"}},
	{rule: "leg B is challenged in a dialog", flows: []string{"trunk_challenges_in_dialog", "trunk_challenges_twice", "challenge_from_caller"}},

	{rule: "RFC 5407 3.1.1: INVITE comes again while its 2xx waits", flows: []string{"invite_again"}},
	{rule: "RFC 5407 3.1.2: CANCEL while the 2xx waits", flows: []string{"cancel_too_late"}},
	{rule: "RFC 5407 3.1.3, 3.1.6: BYE while the 2xx waits", rows: []string{"caller hangs up before its own ACK"}},
	{rule: "RFC 5407 3.1.4, 3.1.5: re-INVITE while the 2xx waits", rows: []string{"a re-INVITE before our 2xx is acknowledged"}},
	{rule: "RFC 5407 3.2.1: BYE crosses with BYE", flows: []string{"bye_crossing"}},
	{rule: "RFC 5407 3.2.2: re-INVITE crosses with BYE", flows: []string{"bye_meets_reinvite"}},
	{rule: "RFC 5407 3.2.3: 200 to a re-INVITE crosses with BYE", flows: []string{"refresh_answer_after_bye"}},
	{rule: "RFC 5407 3.2.4: ACK crosses with BYE", rows: []string{"the caller's ACK behind its BYE"}},
	{rule: "RFC 5407 3.3.1: re-INVITEs cross", flows: []string{"glare", "glare_browser"}},
	{rule: "RFC 5407 3.3.2: UPDATE and re-INVITE cross", flows: []string{"update_meets_reinvite"}},
}

// TestEveryRaceHasATest keeps the table above true: a rule without a test, or with one that is gone, fails.
func TestEveryRaceHasATest(t *testing.T) {
	rows := map[string]bool{}
	for _, r := range races {
		rows[r.name] = true
	}
	for _, r := range raceRules {
		if len(r.flows)+len(r.rows)+len(r.tests) == 0 {
			t.Errorf("%s: no test", r.rule)
		}
		for _, name := range r.flows {
			if _, err := os.Stat(filepath.Join("testdata/flows", name+".flow")); err != nil {
				t.Errorf("%s: %v", r.rule, err)
			}
		}
		for _, name := range r.rows {
			if !rows[name] {
				t.Errorf("%s: TestRaces has no row %q", r.rule, name)
			}
		}
		for _, at := range r.tests {
			file, fn, _ := strings.Cut(at, ":")
			if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), "func "+fn+"(") {
				t.Errorf("%s: there is no %s (%v)", r.rule, at, err)
			}
		}
	}
}
