package b2bua

import (
	"testing"

	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// TestNothingIsKeptOfWhatNobodyAnswers: a request is kept for its challenge, and no longer than its transaction.
func TestNothingIsKeptOfWhatNobodyAnswers(t *testing.T) {
	l := &sipLeg{legCore: legCore{
		outbox: &outbox{mint: func() string { return "token" }},
		party:  &Party{Trunk: true, Auth: digest.Account{User: "u", Password: "p", Realm: "r"}},
	}}
	l.sign(7, wire.NewRequest(wire.MESSAGE, wire.URI{Scheme: "sip", Host: "192.0.2.1"}))
	if len(l.keys.sent) != 1 {
		t.Fatalf("%d requests kept, want 1", len(l.keys.sent))
	}
	l.txFailed(Failed{Tx: 7, Err: txn.ErrTimeout})
	if len(l.keys.sent) != 0 {
		t.Errorf("%d requests kept after a time-out", len(l.keys.sent))
	}
}
