package b2bua

import (
	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/topology"
)

// notified passes a NOTIFY on. The first one may come before the answer to our SUBSCRIBE, and is the answer then (RFC 6665 section 4.1.2.4).
func (u *subscription) notified(tx *txn.Server, m *wire.Message) {
	status := u.receive(m)
	if status != 0 {
		fields := help(status, m.Method)
		if status == 500 || status == 503 {
			fields = append(fields, wire.Field{Name: "Retry-After", Value: "1"})
		}
		reply(tx, m, status, fields...)
		return
	}
	kind, body, ok := topology.Body(m, u.entity())
	if !ok {
		reply(tx, m, 415, help(415, m.Method)...)
		return
	}
	_ = tx.Respond(wire.NewResponse(m, 200, "", "")) // a lost flow reports itself
	u.far.dlg.Refresh(m)
	state, _ := topology.ParseState(m.Get("Subscription-State")) // receive has read it
	if u.hunt != nil && !u.hunt.done {
		u.hunt.abandon()
		u.accept(state.Expires)
	}
	u.tell(state, kind, body)
	switch {
	case state.Terminated():
		u.end()
	case state.Expires >= 0:
		u.keep(min(state.Expires, maxSubscription))
	}
}

// receive judges a NOTIFY: 0, or the status it is owed.
func (u *subscription) receive(m *wire.Message) int {
	if u.far.dlg == nil {
		d, err := dialog.NewNotified(u.sent, m)
		if err != nil {
			return 481
		}
		u.far.dlg = d
	}
	e, served := topology.ParseEvent(m.Get("Event"))
	_, stated := topology.ParseState(m.Get("Subscription-State"))
	switch {
	case !u.far.dlg.Matches(m): // another fork: one notifier is enough (RFC 6665 section 4.1.2.4)
		return 481
	case u.far.dlg.Accept(m) != 0:
		return 500
	case !served || e.Package != u.event.Package:
		return 489
	case !stated:
		return 400
	case u.notifying >= maxNotifying:
		return 503
	}
	return 0
}

// entity is the resource as the near side knows it.
func (u *subscription) entity() string {
	at := u.near.dlg.Local().URI
	at.Params, at.Headers = nil, ""
	return at.String()
}

// tell notifies the near side.
func (u *subscription) tell(state topology.State, kind string, body []byte) {
	m := u.near.dlg.Request(wire.NOTIFY)
	m.Add("Event", u.event.String())
	m.Add("Subscription-State", state.String())
	m.ContentType, m.Body = kind, body
	u.notifying++
	u.inside(&u.near, m, u.told)
}

// told learns whether the near side still listens (RFC 6665 section 4.2.2).
func (u *subscription) told(m *wire.Message) {
	u.notifying--
	if !u.over && (m == nil || gone(m.Status)) {
		u.withdraw()
	}
}

// gone reports whether a status ends the subscription it came for (RFC 6665 sections 4.1.2.2 and 4.2.2, RFC 5057 section 5.1).
func gone(status int) bool {
	switch status {
	case 404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604:
		return true
	}
	return false
}
