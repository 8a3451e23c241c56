package wire

// Method is a SIP method, case-sensitive (RFC 3261 section 7.1).
type Method string

// The methods this gateway recognises. Others are answered 501.
const (
	INVITE    Method = "INVITE"
	ACK       Method = "ACK"
	BYE       Method = "BYE"
	CANCEL    Method = "CANCEL"
	REGISTER  Method = "REGISTER"
	OPTIONS   Method = "OPTIONS"
	INFO      Method = "INFO"
	PRACK     Method = "PRACK"
	UPDATE    Method = "UPDATE"
	REFER     Method = "REFER"
	MESSAGE   Method = "MESSAGE"
	SUBSCRIBE Method = "SUBSCRIBE"
	NOTIFY    Method = "NOTIFY"
	PUBLISH   Method = "PUBLISH"
)

// Param is one parameter. The value is kept without quotes and escapes; Append quotes it again where the grammar asks for it.
type Param struct{ Name, Value string }

// Params keeps parameters in order. Names are lower case.
type Params []Param

// URI is a sip, sips or tel URI, or another scheme kept whole in Opaque.
type URI struct {
	Scheme   string // lower case
	User     string // as received, percent escapes untouched
	Password string
	Host     string // lower case, no brackets around IPv6
	Port     int    // 0 when absent
	Params   Params
	Headers  string // raw text behind '?'
	Opaque   string // for tel and unknown schemes: everything behind the colon up to the parameters
}

// Addr is a name-addr or addr-spec with header parameters: From, To, Contact, Route, P-Asserted-Identity and the like.
type Addr struct {
	Display string // without quotes and escapes
	URI     URI
	Params  Params // header parameters (tag, expires, q, lr is a URI parameter)
}

// Via is one Via value (RFC 3261 section 20.42).
type Via struct {
	Transport string // upper case: UDP, TCP, TLS, WS, WSS
	Host      string // sent-by host, no brackets
	Port      int    // 0 when absent
	Params    Params
}

// CSeq is the CSeq header.
type CSeq struct {
	Seq    uint32
	Method Method
}

// Field is a header line that has no typed place in Message.
type Field struct{ Name, Value string } // Name in canonical case, e.g. "P-Asserted-Identity", "Call-Info"

// Message is one SIP message, request or response, as typed values. It is produced by Parse or built by hand, and leaves the
// house through Append only. A Message belongs to one goroutine; the strings may be kept, Body must be copied to be kept beyond
// the call that handed it over, unless the message came from Parse (which owns a private copy of its input).
type Message struct {
	Method Method // requests; "" marks a response
	URI    URI    // requests: the Request-URI

	Status int // responses: 100..699
	Reason string

	Via         []Via // topmost first
	From, To    Addr
	CallID      string
	CSeq        CSeq
	MaxForwards int    // -1 when absent
	Contact     []Addr // empty when absent
	ContactStar bool   // "Contact: *"
	Route       []Addr
	RecordRoute []Addr
	Expires     int // seconds, -1 when absent
	ContentType string
	Body        []byte

	Fields []Field // every other header, in order

	Compact bool // Append writes short header names (RFC 3261 section 7.3.3); Parse does not set it
}

// IsRequest tells a request from a response.
func (m *Message) IsRequest() bool { return m.Method != "" }

// FromTag and ToTag return the tags, "" when absent.
func (m *Message) FromTag() string { return m.From.Params.Get("tag") }

// ToTag returns the To tag, "" when absent.
func (m *Message) ToTag() string { return m.To.Params.Get("tag") }

// Branch returns the branch of the topmost Via, "" when there is none.
func (m *Message) Branch() string {
	if len(m.Via) == 0 {
		return ""
	}
	return m.Via[0].Params.Get("branch")
}
