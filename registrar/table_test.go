package registrar

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"drawbridge/sip/wire"
)

// TestRequestsAreNotKept: a binding, a nonce that was used and a guess outlive their REGISTER by minutes. They keep words of it, and not the
// whole of it, which who sends it can make large.
func TestRequestsAreNotKept(t *testing.T) {
	const sources, padding, most = 200, 3000, 1500
	for _, row := range []struct {
		name, password string
		contact        bool
		status         int
	}{{"binding", password, true, 200}, {"nonce", password, false, 200}, {"guess", "guessed", true, 401}} {
		t.Run(row.name, func(t *testing.T) {
			r, err := New(Config{Domain: domain, Password: passwords, Contacts: sources})
			if err != nil {
				t.Fatal(err)
			}
			now, before := time.Now(), heap()
			for i := range sources {
				f := udp(fmt.Sprintf("192.0.2.%d:5060", i))
				challenge := r.challenge(f, wire.REGISTER, false, now)[0].Value
				answer := answerTo(t, challenge, "alice", row.password, wire.REGISTER, 1)
				lines := []string{fmt.Sprintf("Authorization: %s, padding=%q", answer, strings.Repeat("x", padding))}
				if row.contact {
					lines = append(lines, fmt.Sprintf(`Contact: "A" <sip:alice@192.0.2.%d;transport=udp;x=y>;reg-id=1;+sip.instance="<urn:uuid:%[1]d>"`, i))
				}
				m := request(t, wire.REGISTER, 1, append(lines, fmt.Sprintf("Call-ID: call%d", i))...)
				if resp := r.register(f, m, "t", now); resp.Status != row.status {
					t.Fatalf("%d: %d", i, resp.Status)
				}
			}
			if each := (int(heap()) - int(before)) / sources; each > most {
				t.Errorf("each keeps %d bytes, %d at most", each, most)
			}
			runtime.KeepAlive(r)
		})
	}
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
