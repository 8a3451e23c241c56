package txn

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/sip/wire"
)

// TestSmallRequestsBuyNoFlood: who forges a source gets little more sent there than it has sent itself, however many requests and forged
// sources it takes; requests of ordinary size and connections are answered all the same.
func TestSmallRequestsBuyNoFlood(t *testing.T) {
	challenge := wire.Field{Name: "WWW-Authenticate", Value: `Digest realm="example.com", nonce="` + strings.Repeat("n", 200) + `"`}
	rows := []struct {
		name     string
		sources  int
		reliable bool
		padding  int // bytes
		want     int // answers to 1000 requests
	}{
		{"one source", 1, false, 0, graceBurst},
		{"many sources", 1000, false, 0, graceRealmBurst},
		{"requests of ordinary size", 1, false, 400, 1000},
		{"a connection", 1, true, 0, 1000},
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, answers := newBench(t), 0
				for i := range 1000 {
					f := newFakeFlow(fmt.Sprintf("198.51.%d.1:5060", i%tt.sources%256), tt.reliable)
					req := request(wire.REGISTER, "z9hG4bKx", "")
					req.Add("User-Agent", strings.Repeat("u", tt.padding))
					b.receive(f, req)
					b.server().Dismiss(req, 401, challenge)
					answers += len(f.take())
				}
				if answers != tt.want {
					t.Errorf("%d answers, want %d", answers, tt.want)
				}
				b.left(t)
			})
		})
	}
}
