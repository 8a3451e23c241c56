package wire

import "strings"

// shape says how Canon treats a header's value and how Parse takes it.
type shape uint8

const (
	text      shape = iota // unfolded and trimmed only
	words                  // runs of blanks become one: CSeq
	list                   // comma list of tokens, kept on one line
	param                  // value;name=value with '/' inside
	paramList              // the same, one value per line
	addr                   // name-addr or addr-spec
	addrList               // the same, one value per line
	via                    // one value per line; '/' and ':' may stand between blanks
)

// header is what this package knows of a header name.
type header struct {
	name  string // canonical case
	short string // the compact form; "" when there is none
	shape shape
	once  uint64 // a bit of its own when the header must not repeat, else 0
	typed bool   // has a place of its own in Message, never in Fields
}

// compact holds the short forms of the IANA registry.
var compact = map[byte]string{
	'a': "accept-contact", 'b': "referred-by", 'c': "content-type", 'd': "request-disposition", 'e': "content-encoding", 'f': "from",
	'i': "call-id", 'j': "reject-contact", 'k': "supported", 'l': "content-length", 'm': "contact", 'n': "identity-info", 'o': "event",
	'r': "refer-to", 's': "subject", 't': "to", 'u': "allow-events", 'v': "via", 'x': "session-expires", 'y': "identity",
}

// known is keyed by lower-case name.
var known = makeKnown()

func makeKnown() map[string]header {
	t := map[string]header{}
	once := uint64(1)
	add := func(s shape, single, typed bool, names ...string) {
		for _, n := range names {
			h := header{name: n, shape: s, typed: typed}
			if single {
				h.once, once = once, once<<1
			}
			t[strings.ToLower(n)] = h
		}
	}
	defer func() {
		for c, name := range compact {
			if h, ok := t[name]; ok {
				h.short = string(c)
				t[name] = h
			}
		}
	}()
	const single, many, typed, field = true, false, true, false
	add(addr, single, typed, "From", "To")
	add(words, single, typed, "CSeq")
	add(text, single, typed, "Call-ID", "Max-Forwards", "Content-Length", "Expires")
	add(param, single, typed, "Content-Type")
	add(via, many, typed, "Via")
	add(addrList, many, typed, "Contact", "Route", "Record-Route")

	add(addrList, many, field, "Path", "Service-Route", "P-Asserted-Identity", "P-Preferred-Identity", "P-Associated-URI", "Diversion",
		"History-Info", "Call-Info", "Alert-Info", "Error-Info", "Geolocation", "Remote-Party-ID")
	add(addr, single, field, "Refer-To", "Referred-By", "P-Called-Party-ID", "Identity-Info")
	add(paramList, many, field, "Reason")
	add(param, single, field, "Event", "Subscription-State", "Session-Expires", "Min-SE", "Replaces", "Target-Dialog", "Join",
		"Content-Disposition", "Privacy", "P-Charging-Vector")
	add(list, many, field, "Allow", "Allow-Events", "Supported", "Require", "Proxy-Require", "Unsupported", "Accept", "Accept-Encoding",
		"Accept-Language", "Content-Encoding", "Content-Language", "In-Reply-To", "P-Early-Media", "Recv-Info", "Security-Client",
		"Security-Server", "Security-Verify", "P-Access-Network-Info")
	add(words, single, field, "RAck")
	add(text, single, field, "Date", "Min-Expires", "Retry-After", "RSeq", "Subject", "User-Agent", "Server", "MIME-Version", "Refer-Sub",
		"SIP-ETag", "SIP-If-Match", "Timestamp", "Organization", "Priority", "Info-Package")
	add(text, many, field, "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info",
		"Proxy-Authentication-Info", "Warning", "Accept-Contact", "Reject-Contact", "Request-Disposition", "Resource-Priority",
		"Accept-Resource-Priority", "User-to-User", "Identity", "P-Visited-Network-ID")
	return t
}

// lookup finds a header by any spelling of its name, compact forms included. It does not allocate.
func lookup[S string | []byte](name S) (header, bool) {
	var low [32]byte
	if len(name) > len(low) {
		return header{}, false
	}
	for i := range len(name) {
		low[i] = lower(name[i])
	}
	if len(name) == 1 {
		h, ok := known[compact[low[0]]]
		return h, ok
	}
	h, ok := known[string(low[:len(name)])]
	return h, ok
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// CanonicalName returns the one spelling of a header name: long form, the case of its RFC, or a capital behind each hyphen.
func CanonicalName(name string) string {
	if h, ok := lookup(name); ok {
		return h.name
	}
	return string(appendTitle(nil, name))
}

func appendTitle[S string | []byte](dst []byte, name S) []byte {
	up := true
	for i := range len(name) {
		c := lower(name[i])
		if up && 'a' <= c && c <= 'z' {
			c &^= 0x20
		}
		dst, up = append(dst, c), name[i] == '-'
	}
	return dst
}
