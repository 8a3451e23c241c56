package b2bua

import (
	"fmt"
	"slices"
	"strings"

	"drawbridge/sip/dialog"
	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// keyring is what a leg answers the challenges of its trunk with. The zero value, every leg's but a trunk's with an account, answers none:
// a challenge from there is a refusal like any other, and credentials for one peer never reach another (security.md T30).
type keyring struct {
	client *digest.Client
	sent   map[TxID]*pending
	ack    []wire.Field // credentials of the last INVITE: its ACK carries them too (RFC 3261 section 22.1)
	vain   bool         // a challenge has gone unanswered, and was reported
}

// pending is a request without a final response that may be challenged.
type pending struct {
	msg     *wire.Message
	attempt digest.Attempt
}

// launch sends a request as a transaction of this leg, with credentials when its peer has asked for some.
func (l *sipLeg) launch(tx TxID, hop txn.Hop, m *wire.Message) {
	l.sign(tx, m)
	l.do(Send{Leg: l.id, Tx: tx, Flow: l.flow, Hop: hop, Msg: m})
}

// sign gives a request the credentials that are known to be wanted, and keeps it for a challenge.
func (l *sipLeg) sign(tx TxID, m *wire.Message) {
	k := &l.keys
	if l.party.Auth.None() || !l.dials && l.party.Auth.Realm == "" {
		return // in a call that came from the trunk anybody behind it may challenge us: only the realm of the account is answered
	}
	if k.client == nil {
		k.client, k.sent = digest.NewClient(l.party.Auth, l.mint), map[TxID]*pending{}
	}
	k.client.Sign(m)
	if a := k.sent[tx]; a != nil {
		a.msg = m
	} else {
		k.sent[tx] = &pending{msg: m}
	}
	if m.Method == wire.INVITE {
		k.ack = credentials(m)
	}
}

// challenged sends a request again whose peer wants to know who asks; the leg never hears of it. false leaves the response to the leg.
func (l *sipLeg) challenged(ev Response) bool {
	if ev.Msg.Status < 200 {
		return false
	}
	a := l.keys.sent[ev.Tx]
	delete(l.keys.sent, ev.Tx)
	if a != nil && ev.Msg.Status < 300 {
		l.keys.client.Freeze()
	}
	first := l.invites(ev.Tx)
	if !challenge(ev.Msg) || l.state == Gone || first && l.state == Cancelling {
		return false
	}
	if a == nil || !l.keys.client.Take(ev.Msg, &a.attempt) {
		l.inVain(ev.Msg, first)
		return false
	}
	l.keys.sent[ev.Tx] = a
	if first {
		l.again()
	} else {
		l.launch(ev.Tx, l.hop(), l.dlg.Again(a.msg))
	}
	return true
}

// inVain reports that a trunk has asked for credentials that it does not get: one event a leg, for somebody has to set them up.
func (l *sipLeg) inVain(m *wire.Message, first bool) {
	if l.party.Trunk && !l.keys.vain {
		l.keys.vain = true
		l.do(Unanswered{At: l.flow, By: l.party, Asked: m, Inside: !first})
	}
}

func challenge(m *wire.Message) bool { return m.Status == 401 || m.Status == 407 }

// unanswered is the event of a challenge that nobody has answered. It says who has asked, and what is missing.
func (u Unanswered) event(call CallID) telemetry.Refused {
	const longest = 64 // of what the peer has written
	realms, own := digest.Realms(u.Asked), u.By.Auth
	why := "its credentials were refused"
	switch {
	case own.None():
		why = "there is no auth"
	case own.Realm != "" && !slices.Contains(realms, own.Realm):
		why = "auth.realm is another"
	case own.Realm == "" && u.Inside:
		why = "auth.realm is not written out"
	}
	asked := fmt.Sprintf("%.*q", longest, strings.Join(realms, ", "))
	return telemetry.Refused{
		Kind: "challenge", Realm: u.By.Realm.Name, Source: u.At.Remote().String(), Call: string(call), Count: 1,
		Detail: "trunk " + u.By.Name + " asks for " + asked + ": " + why,
	}
}

// ackOf is the ACK to a 2xx, with the credentials of its INVITE.
func (l *sipLeg) ackOf(d *dialog.Dialog, seq uint32) *wire.Message {
	m := d.Ack(seq)
	m.Fields = append(m.Fields, l.keys.ack...)
	return m
}

// credentials are the fields of a request that prove who sends it.
func credentials(m *wire.Message) []wire.Field {
	var out []wire.Field
	for _, f := range m.Fields {
		if f.Name == "Authorization" || f.Name == "Proxy-Authorization" {
			out = append(out, f)
		}
	}
	return out
}
