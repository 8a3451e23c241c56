package wire

import "slices"

// maxHops is the Max-Forwards of a request that starts here (RFC 3261 section 8.1.1.6).
const maxHops = 70

// NewRequest returns a request with Max-Forwards 70 and nothing else.
func NewRequest(method Method, uri URI) *Message {
	a := &asking{Message: Message{Method: method, URI: uri, MaxForwards: maxHops, Expires: -1}}
	a.Fields = a.fields[:0]
	return &a.Message
}

// Anew returns a copy of a request that is to be sent as a new one (RFC 3261 section 8.1.3.5): with that CSeq number, without a Via, and
// with fields that may be changed.
func (m *Message) Anew(seq uint32) *Message {
	next := *m
	next.Via, next.Fields, next.CSeq.Seq = nil, slices.Clone(m.Fields), seq
	return &next
}

// NewResponse returns a response to req: Via, From, To, Call-ID and CSeq copied, Timestamp into a 100, Record-Route into what forms a
// dialog (RFC 3261 sections 8.2.6 and 12.1.1). toTag goes into the To unless it has a tag already; "" leaves it without. An empty
// reason is the status's own phrase. The response shares req's values, which nobody writes to.
func NewResponse(req *Message, status int, reason, toTag string) *Message {
	if reason == "" {
		reason = ReasonPhrase(status)
	}
	r := &reply{Message: Message{
		Status: status, Reason: reason,
		Via:  req.Via[:len(req.Via):len(req.Via)],
		From: req.From, To: req.To, CallID: req.CallID, CSeq: req.CSeq,
		MaxForwards: -1, Expires: -1,
	}}
	m := &r.Message
	m.Fields = r.fields[:0]
	switch {
	case toTag == "" || m.ToTag() != "":
	case len(m.To.Params) == 0:
		r.tag[0] = Param{"tag", toTag}
		m.To.Params = r.tag[:]
	default:
		m.To.Params.Set("tag", toTag)
	}
	if status == 100 {
		if t := req.Get("Timestamp"); t != "" {
			m.Add("Timestamp", t)
		}
	}
	if status > 100 && status < 300 && formsDialog(req.Method) {
		m.RecordRoute = req.RecordRoute
	}
	return m
}

func formsDialog(m Method) bool { return m == INVITE || m == SUBSCRIBE || m == REFER || m == NOTIFY }
