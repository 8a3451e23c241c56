package b2bua

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// receives takes the next message that a peer has got and checks it.
func (p *player) receives(at *peer, what string, words []string) {
	m := p.next(at, what)
	switch {
	case what == "nothing" && m != nil:
		p.fail("got %s", m.Bytes())
	case what != "nothing" && m == nil:
		p.fail("got nothing")
	}
	if m == nil || what == "nothing" {
		return
	}
	p.same = ""
	if n := len(at.bodies); n > 0 {
		p.same = at.bodies[n-1]
	}
	at.seen[m.Branch()] = true
	at.heard(m)
	got := string(m.Method)
	if !m.IsRequest() {
		got = strconv.Itoa(m.Status)
	}
	if got != what {
		p.fail("got %s", m.Bytes())
		return
	}
	if m.Status >= 300 && m.CSeq.Method == wire.INVITE {
		at.acknowledge(m)
	}
	p.matches(m, words)
	for _, secret := range []string{"secret-cname", "10.0.0."} {
		if at.flow.realm == "carrier" && strings.Contains(string(m.Bytes()), secret) {
			p.fail("leaks %s: %s", secret, m.Bytes())
		}
	}
}

// next takes the next message of a peer; 100 Trying and retransmitted requests are passed over. nil when there is none.
func (p *player) next(at *peer, what string) (m *wire.Message) {
	p.record(func() {
		for m == nil && len(at.inbox) > 0 {
			m, at.inbox = at.inbox[0], at.inbox[1:]
			if what != "100" && m.Status == 100 || at.seen[m.Branch()] && repeats(m) {
				m = nil
			}
		}
	})
	return m
}

// repeats reports whether a message whose branch was seen before is a retransmission: a request but for ACK and CANCEL, which share
// the branch of their INVITE.
func repeats(m *wire.Message) bool {
	return m.IsRequest() && m.Method != wire.ACK && m.Method != wire.CANCEL
}

// minted is an identifier of ours. It is made of random letters, which say "gin" or "ice" now and then: what a message must not hold is not
// looked for in it.
var minted = regexp.MustCompile(`aa[0-9a-z]{20,}`)

func (p *player) matches(m *wire.Message, words []string) {
	text := string(m.Bytes())
	spoken := minted.ReplaceAllString(text, "")
	for _, w := range words {
		var ok bool
		switch {
		case w == "nosdp":
			ok = len(m.Body) == 0
		case w == "same":
			ok = string(m.Body) == p.same && p.same != ""
		case w[0] == '~':
			ok = strings.Contains(text, strings.ReplaceAll(w[1:], "_", " "))
		case w[0] == '!':
			ok = !strings.Contains(spoken, strings.ReplaceAll(w[1:], "_", " "))
		case strings.HasPrefix(w, "for="):
			ok = string(m.CSeq.Method) == w[4:]
		default:
			ok = hasSDP(m) && direction(string(m.Body)) == w
		}
		if !ok {
			p.fail("%s does not hold for\n%s", w, text)
		}
	}
}

func TestTokensAreSeenToBeMinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		for i := range w.core.Shards() {
			w.core.PostForced(i, func(sh *txn.Shard) {
				if token := sh.Token(); minted.FindString("z9hG4bK"+token+"\r\n") != token {
					t.Errorf("%q is a token", token)
				}
			})
		}
		synctest.Wait()
	})
}
