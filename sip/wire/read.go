package wire

import "errors"

// Read takes one framed message from raw bytes to a judged Message: Canon, Parse, Validate. It never panics, keeps nothing of raw and
// returns a Message whenever the input can be represented. When the verdict carries a status, Verdict.Salvaged is the request to
// answer, whether it parsed or not.
func Read(raw []byte, opt CanonOptions) (*Message, Verdict) {
	if !opt.LFOnly {
		if m, ok := direct(raw); ok {
			return m, Validate(m)
		}
	}
	return readOdd(raw, opt)
}

// readOdd reads what direct has left.
func readOdd(raw []byte, opt CanonOptions) (*Message, Verdict) {
	canon, err := Canon(raw, opt)
	if err != nil {
		return nil, refuse(raw, err)
	}
	m, err := Parse(canon)
	if err != nil {
		return nil, refuse(raw, err)
	}
	return m, Validate(m)
}

// refuse turns an error into the answer owed, or into silence when the input is a response, an ACK, or holds too little to answer.
func refuse(raw []byte, err error) Verdict {
	var e *Error
	if !errors.As(err, &e) {
		return Verdict{Status: Drop}
	}
	m, ok := salvage(raw)
	if !ok || m.Method == ACK {
		return Verdict{Status: Drop}
	}
	reason := ""
	if e.Status == 400 {
		reason = "Bad " + e.Part
	}
	return owed(m, e.Status, reason)
}

// Refuse judges a request that never became a whole message: raw is its header section, as far as there is one. The verdict is the
// status, or silence when the sender cannot be answered.
func Refuse(raw []byte, status int, reason string) Verdict {
	m, ok := salvage(raw)
	if !ok || m.Method == ACK {
		return Verdict{Status: Drop}
	}
	return owed(m, status, reason)
}
