package txn

import "errors"

var (
	// ErrConfig: a value of Config is out of range.
	ErrConfig = errors.New("txn: bad configuration")
	// ErrOverload: the shard's mailbox is full.
	ErrOverload = errors.New("txn: mailbox full")
	// ErrStopped: the core has stopped.
	ErrStopped = errors.New("txn: stopped")
	// ErrTimeout: no final response within Timer B or F, or within 64*T1 of a CANCEL.
	ErrTimeout = errors.New("txn: timeout")
	// ErrFlowLost: the connection that the transaction used has ended.
	ErrFlowLost = errors.New("txn: flow lost")
	// ErrRefused: no program listens where the request went.
	ErrRefused = errors.New("txn: port refused")
	// ErrTerminated: the transaction is over.
	ErrTerminated = errors.New("txn: transaction terminated")
	// ErrFinalSent: the request has its final response already.
	ErrFinalSent = errors.New("txn: final response already sent")
	// ErrMethod: ACK and CANCEL start no transaction of their own; use Shard.Send and Client.Cancel.
	ErrMethod = errors.New("txn: method starts no client transaction")

	errRetransmission = errors.New("txn: retransmission of a queued request")
)
