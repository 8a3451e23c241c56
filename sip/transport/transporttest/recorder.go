package transporttest

import (
	"slices"
	"sync"
	"time"

	"drawbridge/sip/txn"
)

// Record is one message, or with Lost the end of a flow.
type Record struct {
	At    time.Time
	Flow  txn.Flow
	Bytes []byte
	Lost  error
}

// Recorder is a Receiver that remembers what it was given, and hands it to Then when that is set.
type Recorder struct {
	Then func(f txn.Flow, raw []byte) // set before use; raw may be kept

	mu  sync.Mutex
	got []Record
}

// Receive implements txn.Receiver.
func (r *Recorder) Receive(f txn.Flow, raw []byte) {
	raw = slices.Clone(raw)
	r.add(Record{At: time.Now(), Flow: f, Bytes: raw})
	if r.Then != nil {
		r.Then(f, raw)
	}
}

// FlowLost implements txn.Receiver.
func (r *Recorder) FlowLost(f txn.Flow, why error) {
	r.add(Record{At: time.Now(), Flow: f, Lost: why})
}

func (r *Recorder) add(rec Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, rec)
}

// Take returns what has come since the last Take, oldest first.
func (r *Recorder) Take() []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}
