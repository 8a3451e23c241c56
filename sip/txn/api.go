package txn

import "drawbridge/sip/wire"

// User is a transaction user (RFC 3261 section 5). Its methods run on the shard's goroutine and must not block.
type User interface {
	// Request delivers a request once: retransmissions never come here. For an ACK to a 2xx tx is nil.
	Request(sh *Shard, tx *Server, f Flow, m *wire.Message)
	// Cancel delivers a CANCEL that matches invite, which has no final response yet. The CANCEL itself is already answered 200;
	// the user decides what happens to the INVITE (RFC 3261 section 9.2).
	Cancel(sh *Shard, invite *Server, m *wire.Message)
	// Unacked reports that Timer H fired for a non-2xx final response.
	Unacked(sh *Shard, invite *Server)
	// FlowLost is delivered on every shard.
	FlowLost(sh *Shard, key FlowKey)
}

// ClientUser receives what a client transaction produces, on the shard's goroutine.
type ClientUser interface {
	// Response delivers provisional and final responses, and every 2xx retransmission of an INVITE (RFC 6026).
	Response(sh *Shard, tx *Client, m *wire.Message)
	// Failed ends the transaction without a final response: ErrTimeout (Timer B or F) or a transport error.
	Failed(sh *Shard, tx *Client, err error)
}

// Editor has the last word on messages that leave: a ClientUser on its requests, and who was named by Server.Through on responses. It
// runs on the shard's goroutine and must not block. ACK and CANCEL of an INVITE are made from what Edit has left of it.
type Editor interface {
	// Edit returns what is sent in place of m, which it leaves as it is; nil sends nothing. What identifies the transaction has to stay.
	// The error is handed on, whether something is sent or not.
	Edit(m *wire.Message) (*wire.Message, error)
}

// Packer is a ClientUser that can be written down once its INVITE has a 2xx and nobody waits for more (Client.Pack).
type Packer interface {
	Pack(room []byte) []byte
}

// Unpacker is a User that makes a ClientUser again of what a Packer has written: another 2xx has come. packed is only lent.
type Unpacker interface {
	Unpack(sh *Shard, f Flow, packed []byte) ClientUser
}

// Ender is a ClientUser that wants to know when no further 2xx to its INVITE can come (Timer M): what was kept to acknowledge one may go.
type Ender interface {
	Ended(sh *Shard, tx *Client)
}
