package txn

import "drawbridge/sip/wire"

// request takes one request on its shard's goroutine.
func (sh *Shard) request(it *item) {
	tx := sh.servers[it.key]
	if tx == nil {
		if d, r := sh.relics.find(it.key); r != nil {
			sh.copied(d, r, it)
			return
		}
		tx = sh.returned(it)
	}
	switch {
	case it.msg.Method == wire.ACK:
		sh.ack(tx, it)
	case it.msg.Method == wire.CANCEL:
		sh.cancel(tx, it)
	case tx != nil:
		tx.again()
	case sh.merge(it):
	default:
		tx = sh.begin(it)
		sh.deliver(tx, it)
	}
}

// ack: one to a non-2xx belongs to the INVITE transaction and ends here, any other to a dialog.
func (sh *Shard) ack(tx *Server, it *item) {
	switch {
	case tx != nil && tx.acked():
	case it.msg.ToTag() == "":
		sh.core.strays.Add(1)
	default:
		sh.toDialog(it)
	}
}

// toDialog hands an ACK on.
func (sh *Shard) toDialog(it *item) { sh.core.user.Request(sh, nil, it.flow, it.msg) }

// cancel answers a CANCEL, then tells the user if there is anything left to cancel (RFC 3261 section 9.2). It has no transaction of its
// own: a copy gets the same answer for as long as the INVITE's lasts, which is as long as a CANCEL's would.
func (sh *Shard) cancel(tx *Server, it *item) {
	if tx == nil {
		sh.core.answer(it.reply, it.msg, it.size, 481, "", sh.core.statelessTag(it.msg))
		return
	}
	sh.core.answer(it.reply, it.msg, it.size, 200, "", tx.Tag())
	if tx.final() || tx.cancelled {
		return
	}
	tx.cancelled = true
	sh.core.user.Cancel(sh, tx, it.msg)
}

// merge turns away a request that came by two ways (RFC 3261 section 8.2.2.2). The same branch from another source is no fork but
// someone else's copy, and hears nothing.
func (sh *Shard) merge(it *item) bool {
	if it.msg.ToTag() != "" {
		return false
	}
	k := sh.core.keys.request(it.msg)
	first := sh.merged[k]
	var branch uint32
	var known bool
	if first != nil {
		branch, known = first.branch, !sh.supersede(first, it)
	} else {
		branch, known = sh.relics.forkOf(k)
	}
	if !known {
		return false
	}
	if it.invite() {
		sh.box.forget(it.key)
	}
	if branch != uint32(sh.core.keys.spread(it.msg.Branch())) {
		sh.core.answer(it.reply, it.msg, it.size, 482, "", sh.core.statelessTag(it.msg))
	}
	return true
}

// deliver hands a new request to the user. A user that panics has answered 500.
func (sh *Shard) deliver(tx *Server, it *item) {
	defer func() {
		if r := recover(); r != nil {
			sh.core.panicked(r)
			respond500(tx, it.msg)
		}
	}()
	sh.core.user.Request(sh, tx, it.flow, it.msg)
}
