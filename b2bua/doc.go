// Package b2bua is the back-to-back user agent (RFC 7092): it ends the caller's dialog and media, opens its own towards the callee,
// and keeps the two apart. Nothing that arises on a leg reaches the other leg except as a decision of the call.
//
// Reading order:
//
//	config.go    what a Switch needs                       settings.go  the part of it that may change, and what a call keeps of it
//	switch.go    the transaction user: finds or creates the call a message belongs to
//	caller.go    who calls: digest, trunk by source        classify.go  which trunk of an address, and what it may name
//	content.go   what an INVITE may carry and want back
//	routes.go    candidates for a number, as targets       hops.go      what DNS makes of a trunk's targets
//	rest.go      hops that have failed lately              health.go    hops that are out of service
//	standing.go  what the API says of them
//	enrol.go     our registrations at trunks
//	probe.go     OPTIONS to them                           failover.go  when a call turns to the next candidate
//	event.go     what can happen to a call                 action.go    what a call can ask for
//	call.go      the life of a call, one verb a phase: admit.go (policy, candidates, the caller's media), dial.go (until somebody answers),
//	             talk.go (until somebody hangs up), teardown.go (one cause, both legs, one CDR)
//	cause.go     why a call ends: SIP status -> Q.850      errors.go    errors -> SIP status
//	hunt.go      candidates, forks, failover, and what the caller is told when nobody answers
//	attempts.go  what the record says of a hunt
//	redirect.go  3xx: contacts that are called in place of a candidate
//	passable.go  candidates that a call may not take: loops, sips: without TLS
//	transfer.go  a leg replaced by a link: refer.go (REFER and its NOTIFYs; referpass.go: passed on), link.go (the pair of legs that joins two
//	             calls), join.go (what calls say to each other across shards), ring.go (links that lead to nobody)
//	relax.go     what a call lets go of half a minute after its answer
//	leg.go       what the coordinator wants of a leg, and the state machine of both kinds
//	sipleg.go    a SIP dialog: indialog.go (requests that come in it), uas.go (we are called), reliable.go (RFC 3262), uac.go (we call),
//	             fork.go (its early dialogs), precondition.go (RFC 3312), reinvite.go, session.go (RFC 4028), dtmf.go and
//	             info.go (digits by INFO), spoken.go (MESSAGE), challenge.go (401, 407), timers.go
//	way.go       where a dialog's requests come from and go to
//	body.go      the session description in a request's body
//	passed.go    what crosses as it is
//	ruled.go     header rules, on the way in and out
//	far.go       what crosses from one side to the other: the INVITE's skeleton, the final status
//	jsonleg.go   the same over the JSON signalling (signal.go)
//	outside.go   requests outside calls: errand.go (one request), subscription.go (RFC 6665), notify.go (the way back), query.go (a request in
//	             a subscription), tally.go (limits)
//	execute.go   actions become transactions, timers, media: client.go (transactions of ours, and 2xx that come too late), slots.go (what a
//	             call takes of what has limits; often.go: how often), watch.go (what fraud rules count of it),
//	             bury.go (the end, by force if need be)
//	book.go      who owns which tag; tombs.go (tags of dialogs that are over)
//	observe.go   a call as its operator sees it            quality.go   what media knows of a leg, for its record
//	line.go      JSON signalling in                        drain.go     the end of the process
//
// Goroutines: none of its own. A Call lives on the shard of its tokens and is touched by that shard's goroutine alone, so it has no lock.
// Call.Handle is pure: no clock, no I/O, no random except the token source it was given. The Switch executes what it asks for.
// Media reports come from other goroutines and are posted to the shard.
//
// RFC 3261 (12-15), 3262 (PRACK), 3264, 3311 (UPDATE), 3312 (preconditions), 3326 (Reason), 3398 (causes), 3428 (MESSAGE), 3515 (REFER),
// 3891 (Replaces), 4028 (session timers), 4488, 5009 (early media), 5630 (sips:), 6026, 6086 (INFO), 6337, 6665 (SUBSCRIBE).
package b2bua
