package telemetry

// Listener receives events. Each field may be nil; the zero Listener hears nothing. The functions are called on the emitter's
// goroutine, from many goroutines at once, and must not block.
type Listener struct {
	CallStarted  func(CallStarted)
	CallAnswered func(CallAnswered)
	CallEnded    func(*CallEnded) // carries the CDR: it may be kept, nobody writes to it
	Rejected     func(Rejected)
	Registered   func(Registered)
	Unregistered func(Unregistered)
	Refused      func(Refused)
	Alarmed      func(Alarmed)
	Denied       func(Denied)
	MediaUp      func(MediaUp)
	AudioMissing func(AudioMissing)
	Fraud        func(Fraud)
	Lifecycle    func(Lifecycle)
}

// Tee returns a Listener that hands every event to each of ls, in order.
func Tee(ls ...Listener) Listener {
	return Listener{
		CallStarted:  tee(ls, func(l Listener) func(CallStarted) { return l.CallStarted }),
		CallAnswered: tee(ls, func(l Listener) func(CallAnswered) { return l.CallAnswered }),
		CallEnded:    tee(ls, func(l Listener) func(*CallEnded) { return l.CallEnded }),
		Rejected:     tee(ls, func(l Listener) func(Rejected) { return l.Rejected }),
		Registered:   tee(ls, func(l Listener) func(Registered) { return l.Registered }),
		Unregistered: tee(ls, func(l Listener) func(Unregistered) { return l.Unregistered }),
		Refused:      tee(ls, func(l Listener) func(Refused) { return l.Refused }),
		Alarmed:      tee(ls, func(l Listener) func(Alarmed) { return l.Alarmed }),
		Denied:       tee(ls, func(l Listener) func(Denied) { return l.Denied }),
		MediaUp:      tee(ls, func(l Listener) func(MediaUp) { return l.MediaUp }),
		AudioMissing: tee(ls, func(l Listener) func(AudioMissing) { return l.AudioMissing }),
		Fraud:        tee(ls, func(l Listener) func(Fraud) { return l.Fraud }),
		Lifecycle:    tee(ls, func(l Listener) func(Lifecycle) { return l.Lifecycle }),
	}
}

// tee collects the functions that pick finds; none gives nil, so an unheard event costs one comparison.
func tee[E any](ls []Listener, pick func(Listener) func(E)) func(E) {
	var fns []func(E)
	for _, l := range ls {
		if fn := pick(l); fn != nil {
			fns = append(fns, fn)
		}
	}
	switch len(fns) {
	case 0:
		return nil
	case 1:
		return fns[0]
	}
	return func(e E) {
		for _, fn := range fns {
			fn(e)
		}
	}
}

// The emitters: the one way to call a field, which may be nil. An event that carries a Count of 0 stands for one.

// EmitCallStarted reports a new call attempt.
func (l Listener) EmitCallStarted(e CallStarted) { emit(l.CallStarted, e) }

// EmitCallAnswered reports that the caller's side has its 2xx.
func (l Listener) EmitCallAnswered(e CallAnswered) { emit(l.CallAnswered, e) }

// EmitCallEnded reports the end of a call attempt: once for each.
func (l Listener) EmitCallEnded(e *CallEnded) { emit(l.CallEnded, e) }

// EmitRejected reports a request refused by policy or authentication.
func (l Listener) EmitRejected(e Rejected) { emit(l.Rejected, e) }

// EmitRegistered reports a new or refreshed binding.
func (l Listener) EmitRegistered(e Registered) { emit(l.Registered, e) }

// EmitUnregistered reports the end of a binding.
func (l Listener) EmitUnregistered(e Unregistered) { emit(l.Unregistered, e) }

// EmitRefused reports something turned away at an edge.
func (l Listener) EmitRefused(e Refused) {
	if l.Refused == nil {
		return
	}
	if e.Count == 0 {
		e.Count = 1
	}
	l.Refused(e)
}

// EmitAlarmed reports that a source is an alarm.
func (l Listener) EmitAlarmed(e Alarmed) { emit(l.Alarmed, e) }

// EmitDenied reports that a source is not heard any more.
func (l Listener) EmitDenied(e Denied) { emit(l.Denied, e) }

// EmitMediaUp reports that a leg's media has passed a stage.
func (l Listener) EmitMediaUp(e MediaUp) { emit(l.MediaUp, e) }

// EmitAudioMissing reports that audio that is due does not come.
func (l Listener) EmitAudioMissing(e AudioMissing) { emit(l.AudioMissing, e) }

// EmitFraud reports that calls have passed a limit of a fraud rule.
func (l Listener) EmitFraud(e Fraud) { emit(l.Fraud, e) }

// EmitLifecycle reports a fact about the process.
func (l Listener) EmitLifecycle(e Lifecycle) { emit(l.Lifecycle, e) }

func emit[E any](fn func(E), e E) {
	if fn != nil {
		fn(e)
	}
}
