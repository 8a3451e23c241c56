package tests

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drawbridge/tests/gateway"
)

// clause is one row of a checklist: what a specification asks for, and the tests that hold it. proof names tests as package:Function and
// call flows by their file name. A row without proof says why there is none.
type clause struct {
	rfc, what string
	proof     []string
	without   string
}

// botched are the clauses that SIP stacks most often get wrong, one row each.
var botched = []clause{
	{"3261 8.1.1.7", "a branch of its own for each attempt", []string{"sip/txn:TestBranchOfEachAttempt"}, ""},
	{"3261 8.2.2.2", "merged requests are 482", []string{"sip/txn:TestMergedRequest"}, ""},
	{"3261 8.2.2.3", "an unknown Require is 420 with Unsupported", []string{"sip/wire:TestStatusOwed", "message_not_carried.flow"}, ""},
	{"3261 9.1", "a CANCEL waits for a 1xx and has its INVITE's Route, branch and number", []string{"sip/txn:TestSiblings", "cancel_early.flow"}, ""},
	{"3261 9.2", "a CANCEL that comes too late is 200 all the same", []string{"cancel_too_late.flow"}, ""},
	{"3261 12.1.2", "the route set: reversed for the caller, not for the callee, frozen by the 2xx; no pre-loaded Route comes back; strict routers",
		[]string{"sip/dialog:TestRequestFollowsTheRouteSet", "sip/dialog:TestEarlyDialogBecomesConfirmed"}, ""},
	{"3261 12.2.1.2", "requests and responses that refresh the target, and those that do not", []string{"sip/dialog:TestRefresh"}, ""},
	{"3261 12.2.2", "a lower CSeq is 500", []string{"sip/dialog:TestAccept"}, ""},
	{"3261 13.2.2.4", "each 2xx again is acknowledged again; 2xx of other forks are acknowledged and ended", []string{"lost_200.flow", "forked_2xx_downstream.flow", "b2bua:TestRaces"}, ""},
	{"3261 13.3.1.1", "a provisional response each minute", []string{"no_answer.flow", "prack_reminder.flow"}, ""},
	{"3261 13.3.1.4", "the 2xx is sent again on reliable transports too", []string{"lost_ack.flow", "lost_ack_websocket.flow"}, ""},
	{"3261 14.1, 14.2", "glare is 491 and tried again", []string{"glare.flow", "glare_browser.flow"}, ""},
	{"3261 15", "no BYE from the callee before the ACK", []string{"lost_ack_callee_hangs_up.flow", "b2bua:TestRaces"}, ""},
	{"3261 16.6", "Max-Forwards goes down by one, 0 is 483", []string{"browser_to_trunk.flow", "too_many_hops.flow", "message_hops.flow"}, ""},
	{"3261 16.8", "Timer C", []string{"timer_c.flow"}, ""},
	{"3261 17.1.1.3", "the ACK to a failure belongs to its INVITE's transaction", []string{"sip/txn:TestSiblings"}, ""},
	{"3261 18.2.1, 18.2.2", "received, rport and maddr", []string{"sip/txn:TestReceivedAndRport"}, ""},
	{"3261 20.10", "angle brackets where the URI holds ? , or ;", []string{"sip/wire:TestAddrRoundTrip", "sip/wire:TestAddrRefused"}, ""},
	{"3261 22.3", "every challenge of a response is answered", []string{"trunk_challenges_all.flow"}, ""},
	{"3261 25.1", "blanks and case", []string{"sip/wire:TestInputsThatKeepTheirMeaning"}, ""},
	{"3262 3, 4, 5", "reliable responses in order, sent again until the PRACK, the 2xx behind them",
		[]string{"prack_caller.flow", "prack_never.flow", "prack_holds_200.flow", "prack_unknown.flow", "reliable_18x.flow"}, ""},
	{"3311 5.2", "UPDATE while an offer is open: 500 or 491", []string{"update_early_caller.flow", "update_early_callee.flow"}, ""},
	{"3312", "preconditions end at the border", []string{"precondition_caller.flow", "precondition_callee.flow", "precondition_browser.flow"}, ""},
	{"3264 6.1, 6337", "the direction of an answer", []string{"media/offer:TestHoldInAllItsForms", "media/offer:TestAnswerNeverWidensOurHold", "hold_from_both_sides.flow"}, ""},
	{"3264 8", "o= goes up by one, m-lines keep their places", []string{"media/offer:TestRandomSequences", "media/offer:TestReofferKeepsForeignLines"}, ""},
	{"3264, 6337 3.1.1", "SDP in an unreliable 18x is a preview of the answer", []string{"media/offer:TestPreviewThenAnswer"}, ""},
	{"3323, 3325", "who asks not to be named is not; a P-Asserted-Identity from outside the trust is never believed",
		[]string{"topology:TestPrivacyIsKept", "topology:TestNothingOfTheNearSideCrosses", "b2bua:TestNothingOfEitherSideCrossesOutsideCalls"}, ""},
	{"3327, 3608", "the order of Path and Service-Route", nil, "registrations end here: no registrar behind us gets a Path or gives a Service-Route"},
	{"3515", "REFER: 202, NOTIFYs up to the final one, a failed target gives the call back",
		[]string{"refer_blind.flow", "refer_blind_fails.flow", "refer_refused.flow"}, ""},
	{"3891", "Replaces, escaped in a Refer-To and in an INVITE", []string{"refer_attended.flow", "refer_attended_unknown.flow", "replaces.flow", "replaces_refused.flow"}, ""},
	{"6665 4.1.2.4", "the NOTIFY before the 2xx", []string{"notify_before_2xx.flow", "sip/dialog:TestNotifyFormsTheDialog"}, ""},
	{"6665 4.1.3", "terminated ends both sides", []string{"subscribe.flow", "subscribe_gone.flow", "subscribe_expires.flow", "subscribe_lost.flow"}, ""},
	{"6665 8.3.2", "an unknown event package is 489 with Allow-Events", []string{"subscribe_refused.flow", "publish.flow"}, ""},
	{"3581", "rport is asked for and filled in", []string{"sip/txn:TestReceivedAndRport", "sip/txn:TestRequestVia"}, ""},
	{"4028", "422 and who refreshes", []string{"session_too_short.flow", "session_422_from_trunk.flow", "session_refresh_update.flow", "sip/dialog:TestTimerAnswer"}, ""},
	{"4320", "no 408 to anything but INVITE", []string{"message_silence.flow", "message_in_call.flow"}, ""},
	{"4412, 6442", "Resource-Priority and Geolocation: the caller's own never cross, an emergency call has the location that the trunk's profile gives",
		[]string{"topology:TestEmergencyLocation", "b2bua:TestAssertedIdentities", "limit_emergency.flow", "emergency_tries_all.flow"}, ""},
	{"5393", "loops are 482", []string{"loop.flow", "hairpin.flow"}, ""},
	{"5626", "a lost connection is known at once, the account's new one is used", []string{"registrar:TestFlowLostAndExpiry", "flow_lost.flow"}, ""},
	{"5626 430, 439", "flow tokens of an edge proxy", nil, "no registration is forwarded, so nobody routes by our tokens"},
	{"5627", "GRUU", nil, "none is given: in-dialog requests go along the flow, whatever the Contact says"},
	{"6026", "the Accepted states", []string{"sip/txn:TestAcceptedEndsAtTimerL", "sip/txn:TestClientMachine", "sip/txn:TestServerMachine"}, ""},
	{"6086", "INFO with a package is 469 with Recv-Info", []string{"reinvite_refused.flow"}, ""},
	{"7118", "SIP over WebSocket", []string{"sip/transport:TestWSFlow", "sip/transport:TestWSKeepalive"}, ""},
	{"7315", "P-headers end at the border", []string{"topology:TestNothingOfTheNearSideCrosses", "b2bua:TestNothingOfEitherSideCrossesOutsideCalls"}, ""},
	{"8224", "an Identity whose message was changed does not go on", []string{"b2bua:TestNothingOfEitherSideCrossesOutsideCalls"}, ""},
	{"8760", "digest with SHA-256", []string{"registrar:TestCredentials", "sip/digest:TestExamples"}, ""},
	{"8898", "bearer tokens", nil, "accounts prove themselves by digest or by the password of their JSON line"},
}

// owed are the answers that a request is owed before anybody looks at what it is for.
var owed = []clause{
	{"400", "missing, repeated or malformed headers, numbers out of range, a CSeq of another method", []string{"sip/wire:TestStatusOwed", "sip/wire:TestInputsThatAreRefused"}, ""},
	{"505, 416", "another version, another scheme", []string{"sip/wire:TestInputsThatAreRefused", "sip/wire:TestStatusOwed"}, ""},
	{"420", "an unknown option", []string{"sip/wire:TestStatusOwed"}, ""},
	{"415", "a body, an encoding or a part that cannot be read", []string{"b2bua:TestUnreadable", "b2bua:TestMultipart", "topology:TestBody", "message_not_carried.flow"}, ""},
	{"406", "nothing we have is accepted", []string{"b2bua:TestUnreadable", "accept_not_sdp.flow", "subscribe_refused.flow"}, ""},
	{"501, 405", "a method that nobody knows, one that is not served here; both say what is", []string{"b2bua:TestMethodsThatAreNotServed", "message_in_call.flow"}, ""},
	{"489", "an unknown event package", []string{"subscribe_refused.flow", "publish.flow", "subscribe_stray.flow"}, ""},
	{"483", "no hop left", []string{"too_many_hops.flow", "message_hops.flow"}, ""},
	{"482", "a request that came two ways, or comes back", []string{"sip/txn:TestMergedRequest", "loop.flow"}, ""},
	{"513", "too large a message", []string{"sip/wire:TestLimits", "sip/transport:TestFramingErrors"}, ""},
	{"RFC 2543", "neither tag nor cookie", []string{"sip/txn:TestLegacyBranch", "sip/dialog:TestCallerOfRFC2543"}, ""},
}

// threats are the attacks on the media plane, by their rows in the threat model; each has a test that makes it.
var threats = []clause{
	{"T12", "RTP bleed: a stranger draws the stream to itself",
		[]string{"media:TestLatch", "media:TestRaceForTheLatch", "media:TestSprayDoesNotDrawTheStream", "media:TestPortSpray", "media:TestAnotherCallsPeerIsNotLatched",
			"media:TestPeerComesBackFromAPause", "media:TestForgedSRTPMovesNoLatch", "media:TestReplayedCheckDrawsNothing",
			"media:TestReportsOfAnUnknownPort", "media:TestASourceTakenBeforehand", "tests:TestAttacks"}, ""},
	{"T13", "RTP injection", []string{"media:TestPortSpray", "media:TestForgedSource", "media:TestAForgerDoesNotTakeTheStream", "media:TestGarbageFlood"}, ""},
	{"T14", "SSRC collision or churn", []string{"media:TestSSRCChurnIsBounded", "media:TestChangesOfSourceAreFew"}, ""},
	{"T15", "SRTP replay, ROC desynchronisation", []string{"media:TestReplaysAreDropped", "media:TestSRTPRefusals", "media:TestKeysComeBackAsTheyWere"}, ""},
	{"T16", "bad packets end the call", []string{"media:TestBadSRTPLeavesTheCallUp", "media:TestGoodbyeEndsNothing", "tests:TestAttacks"}, ""},
	{"T17", "DTLS ClientHello race",
		[]string{"media:TestHelloRace", "media:TestHelloRaceOnTrunks", "media:TestForgedHellosLeaveATrunkAlone", "media:TestStrangersAreCountedAndChangeNothing",
			"media:TestWrongCertificateBeforeTheSDP", "tests:TestAttacks"}, ""},
	{"T18", "DTLS flood, half-open handshakes", []string{"media:TestForgedHellosAreCheap", "media:TestHellosOfOneBrowserAreBounded", "media:TestHalfOpenHandshakesGiveWay"}, ""},
	{"T19", "ICE used to hit victims", []string{"media:TestCandidateDrawsNothing", "media:TestForgedSTUNIsNotAnswered", "media:TestConsentOfAnotherPair", "media/offer:TestCandidatesBeyondFiftyAreDropped"}, ""},
	{"QOS-01", "more than was negotiated", []string{"media:TestPolice", "media:TestExcessIsPoliced", "media:TestFloodIsToldOnce"}, ""},
}

// TestArchChecklist holds that each row has its proof, and that the proof is there.
func TestArchChecklist(t *testing.T) {
	known := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				known[s.pkg+":"+f.Name.Name] = true
			}
		}
	}
	for _, table := range [][]clause{botched, owed, threats} {
		for _, row := range table {
			if (len(row.proof) == 0) == (row.without == "") {
				t.Errorf("%s, %s: proof, or why there is none", row.rfc, row.what)
			}
			for _, p := range row.proof {
				if !known[p] && !isFlow(p) {
					t.Errorf("%s, %s: there is no %s", row.rfc, row.what, p)
				}
			}
		}
	}
}

func isFlow(name string) bool {
	_, err := os.Stat(filepath.Join(gateway.Root(), "b2bua", "testdata", "flows", name))
	return err == nil && strings.HasSuffix(name, ".flow")
}
