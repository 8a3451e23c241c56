// Package txn runs SIP transactions: the four machines of RFC 3261 section 17 with the Accepted states of RFC 6026, on shards.
//
// A shard is one goroutine with a bounded mailbox, its maps and one timer heap; it owns its transactions and the calls of its users
// (see User). There is no goroutine per transaction, message or timer, and no lock in a machine. The path of a message, in order:
//
//	flow.go       what a transport has to be; api.go  what a user has to be; core.go  the shards from outside
//	receive.go    on the flow's reader: wire.Read, received/rport, what is refused before any state exists, the shard to post to
//	stateless.go  answers that leave no state behind: malformed, merged, overload; the ACKs that follow them
//	shed.go       what is turned away unread while there is too much
//	grace.go      how many of them anybody gets
//	mailbox.go    the shard's queue: fresh requests are turned away first, what belongs to a call later, what must not be lost never
//	shard.go      on the shard's goroutine: the loop, panic isolation, the maps; what a User may call
//	request.go    a request: retransmission, ACK, CANCEL, merged, or a new server transaction
//	server.go     the two server machines
//	adrift.go     a server transaction whose connection has gone
//	client.go     the two client machines, CANCEL and the ACK to a non-2xx
//	undelivered.go  a request that the network gives back
//	relics.go     what stays of transactions over datagrams behind their final answer
//	places.go     where they lie
//	copies.go     messages that are kept to be sent again
//	large.go      a request that does not fit into a datagram: over a connection, or in one after all
//	timer.go      the timers; heap.go  their order; slot.go  the timers that end together; timers.go  the values of RFC 3261 table 4
//	token.go      identifiers minted here, which name node and shard; key.go  what foreign messages are matched by
//
// Transactions keep bytes and addresses, never message objects; over datagrams what is over keeps nothing that points anywhere. Timer C, 2xx retransmission and its end belong to the user.
package txn
