// Package transporttest is a network in memory, for tests in virtual time (testing/synctest): datagrams that can be lost, doubled,
// delayed and so re-ordered, and reliable flows in pairs. Nothing in it blocks or starts a goroutine of its own; a delayed datagram
// is a timer of the bubble that the test runs in.
//
// Files: net.go (Net), socket.go (a UDP flow straight into a txn.Receiver), conn.go (a packet connection for code that reads),
// stream.go (pairs of reliable flows), pipe.go and duplex.go (byte streams for code that reads and writes), recorder.go (a Receiver that remembers).
package transporttest
