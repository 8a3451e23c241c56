package wire

import (
	"strconv"
	"strings"
)

// Default ports of RFC 3261 section 19.1.2.
const (
	portSIP  = 5060
	portSIPS = 5061
)

// ParseURI parses a URI as it stands in a start line or between angle brackets. sip, sips and tel are taken apart; any other scheme
// is kept whole in Opaque. User, password, URI parameters and headers keep their escapes, so that what is routed is what was sent.
func ParseURI(s string) (URI, error) { return parseURI(s, nil) }

// parseURI is ParseURI with room for the parameters; nil is none.
func parseURI(s string, room *Params) (URI, error) {
	colon := strings.IndexByte(s, ':')
	if colon < 1 || !all(s[:colon], isScheme) || !isAlpha(s[0]) {
		return URI{}, syntax("URI scheme")
	}
	u := URI{Scheme: strings.ToLower(s[:colon])}
	rest := s[colon+1:]
	switch u.Scheme {
	case "sip", "sips":
		return parseSIPURI(u, rest, room)
	case "tel":
		return parseTelURI(u, rest, room)
	}
	if !opaque(rest) {
		return URI{}, syntax("URI")
	}
	u.Opaque = rest
	return u, nil
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// parseSIPURI reads [userinfo@]hostport[;params][?headers]. The user part may hold ';' and '?', so it is cut off first.
func parseSIPURI(u URI, s string, room *Params) (URI, error) {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		user, password, _ := strings.Cut(s[:at], ":")
		if !userinfo(user) || password != "" && !userinfo(password) {
			return URI{}, syntax("URI user")
		}
		u.User, u.Password, s = user, password, s[at+1:]
	}
	end := indexEither(s, ';', '?')
	if end < 0 {
		end = len(s)
	}
	var err error
	if u.Host, u.Port, err = parseHostPort(s[:end]); err != nil {
		return URI{}, err
	}
	params, headers, found := strings.Cut(s[end:], "?")
	if found && !opaque(headers) {
		return URI{}, syntax("URI headers")
	}
	u.Headers = headers
	if u.Params, err = parseURIParams(params, room); err != nil {
		return URI{}, err
	}
	return u, nil
}

func parseTelURI(u URI, s string, room *Params) (URI, error) {
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	if u.Opaque = s[:end]; !opaque(u.Opaque) {
		return URI{}, syntax("tel URI")
	}
	var err error
	u.Params, err = parseURIParams(s[end:], room)
	return u, err
}

func userinfo(s string) bool { return all(s, isUserChar) && escaped(s) }

// opaque accepts what can be written between angle brackets without changing its meaning.
func opaque(s string) bool {
	for i := range len(s) {
		if !opaqueByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// parseHostPort reads host[:port] with brackets around IPv6. IPv6 text is checked by its characters only: RFC 5118 section 4.10
// asks for tolerance of ":::", and a destination is computed with netip elsewhere.
func parseHostPort(s string) (string, int, error) {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !all(s[1:end], isIPv6Char) || !strings.Contains(s[1:end], ":") {
			return "", 0, syntax("IPv6 reference")
		}
		host, port = s[1:end], s[end+1:]
	} else {
		if colon := strings.IndexByte(s, ':'); colon >= 0 {
			host, port = s[:colon], s[colon:]
		}
		if !all(host, isHostChar) || len(host) > maxHost {
			return "", 0, syntax("host")
		}
	}
	n := 0
	if port != "" {
		var ok bool
		if n, ok = decimal(port[1:], 65535); !ok || n == 0 || port[0] != ':' {
			return "", 0, syntax("port")
		}
	}
	return strings.ToLower(host), n, nil
}

// decimal reads a number of digits only, up to limit.
func decimal(s string, limit int) (int, bool) {
	n := 0
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, s != ""
}

// parseURIParams reads URI parameters: s is empty or starts with ';'. Values stay as received. Escaped names are decoded, because
// %6C%72 is lr (RFC 3261 section 19.1.4).
func parseURIParams(s string, room *Params) (Params, error) {
	if s == "" {
		return nil, nil
	}
	p := room.take(min(strings.Count(s, ";"), maxParams))
	for s != "" {
		switch {
		case s[0] != ';':
			return nil, syntax("URI parameter")
		case len(p) == maxParams:
			return nil, overLimit("URI parameters")
		}
		part := s[1:]
		end := uriParamEnd(part)
		if end < 0 {
			return nil, syntax("URI parameter")
		}
		name, value, found := strings.Cut(part[:end], "=")
		name, ok := uriParamName(name)
		if !ok || found && !uriParamValue(value) {
			return nil, syntax("URI parameter")
		}
		if _, twice := p.Lookup(name); twice {
			return nil, syntax("repeated URI parameter")
		}
		p = append(p, Param{Name: name, Value: value})
		s = part[end:]
	}
	return p, nil
}

// uriParamEnd finds the end of a URI parameter. A quoted value is outside the grammar, but record-routing proxies write them and
// must get them back.
func uriParamEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ';':
			return i
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				return -1
			}
			i += n - 1
		}
	}
	return len(s)
}

func uriParamName(s string) (string, bool) {
	if strings.IndexByte(s, '%') >= 0 {
		if !escaped(s) {
			return "", false
		}
		if plain := Unescape(s); all(plain, isURIParam) && strings.IndexByte(plain, '%') < 0 {
			s = plain
		}
	}
	return strings.ToLower(s), all(s, isURIParam)
}

// uriParamValue accepts paramchars with well-formed escapes, or one quoted-string kept with its quotes.
func uriParamValue(s string) bool {
	if strings.HasPrefix(s, `"`) {
		return quotedEnd(s) == len(s) && !hasControl(s)
	}
	for i := range len(s) {
		// '=' and bytes beyond ASCII are tolerated inside a value: they end nothing.
		if c := s[i]; class[c]&isURIParam == 0 && c != '=' && c < 0x80 {
			return false
		}
	}
	return s != "" && escaped(s)
}

// Unescape decodes the %-escapes of a URI part. A '%' that starts no escape stays.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && escapeAt(s, i) {
			b = append(b, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Escape writes text so that Unescape gives it back wherever it stands in a URI: letters, digits, '-' and '.' stay.
func Escape(s string) string {
	b := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		if c := s[i]; c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b = append(b, c)
		} else {
			b = appendHex(b, c)
		}
	}
	return string(b)
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// HostPort returns the host without brackets and the port, with the scheme's default when the URI names none.
func (u URI) HostPort() (host string, port int) {
	switch {
	case u.Port != 0:
		return u.Host, u.Port
	case u.Scheme == "sips" || strings.EqualFold(u.Params.Get("transport"), "tls"):
		return u.Host, portSIPS
	}
	return u.Host, portSIP
}

// Emergency reports the name of an emergency service (RFC 5031 section 4.2): urn:service:sos, and those below it.
func (u URI) Emergency() bool {
	name := strings.ToLower(u.Opaque)
	return u.Scheme == "urn" && (name == "service:sos" || strings.HasPrefix(name, "service:sos."))
}

// LooseRouter reports the lr parameter (RFC 3261 section 16.12).
func (u URI) LooseRouter() bool {
	_, ok := u.Params.Lookup("lr")
	return ok
}

// Append writes the URI. Characters that cannot stand in a URI are escaped, so hand-built values cannot break out of it.
func (u URI) Append(dst []byte) []byte { return u.append(dst, true) }

// appendRequest writes a Request-URI: it has no headers (RFC 3261 section 19.1.1, table 1), and as there are no brackets around it, a
// parameter value in quotes is escaped.
func (u URI) appendRequest(dst []byte) []byte {
	u.Headers = ""
	return u.append(dst, false)
}

func (u URI) append(dst []byte, quotes bool) []byte {
	dst = appendToken(dst, u.Scheme)
	dst = append(dst, ':')
	if u.Opaque != "" {
		dst = appendOpaque(dst, u.Opaque)
		return appendURIParams(dst, u.Params, quotes)
	}
	if u.User != "" {
		dst = appendEscaped(dst, u.User, userByte)
		if u.Password != "" {
			dst = append(dst, ':')
			dst = appendEscaped(dst, u.Password, userByte)
		}
		dst = append(dst, '@')
	}
	dst = appendHostPort(dst, u.Host, u.Port)
	dst = appendURIParams(dst, u.Params, quotes)
	if u.Headers != "" {
		dst = append(dst, '?')
		dst = appendOpaque(dst, u.Headers)
	}
	return dst
}

// String returns the URI as Append writes it.
func (u URI) String() string { return string(u.Append(make([]byte, 0, 64))) }

func appendHostPort(dst []byte, host string, port int) []byte {
	if strings.IndexByte(host, ':') >= 0 {
		dst = append(dst, '[')
		dst = appendEscaped(dst, host, ipv6Byte)
		dst = append(dst, ']')
	} else {
		dst = appendEscaped(dst, host, hostByte)
	}
	if port != 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(port), 10)
	}
	return dst
}

func appendURIParams(dst []byte, p Params, quotes bool) []byte {
	for _, q := range p {
		dst = append(dst, ';')
		dst = appendEscaped(dst, q.Name, paramByte)
		if q.Value == "" {
			continue
		}
		dst = append(dst, '=')
		if quotes && q.Value[0] == '"' && uriParamValue(q.Value) {
			dst = append(dst, q.Value...)
		} else {
			dst = appendEscaped(dst, q.Value, valueByte)
		}
	}
	return dst
}

func userByte(c byte) bool  { return class[c]&isUserChar != 0 }
func hostByte(c byte) bool  { return class[c]&isHostChar != 0 }
func ipv6Byte(c byte) bool  { return class[c]&isIPv6Char != 0 }
func paramByte(c byte) bool { return class[c]&isURIParam != 0 }
func valueByte(c byte) bool { return class[c]&isURIParam != 0 || c == '=' || c >= 0x80 }
func opaqueByte(c byte) bool {
	return c > ' ' && c != 0x7f && c != '<' && c != '>' && c != '"'
}

// appendEscaped writes s with an escape for each byte that ok refuses, and for a '%' that starts none.
func appendEscaped(dst []byte, s string, ok func(byte) bool) []byte {
	for i := range len(s) {
		if c := s[i]; ok(c) && (c != '%' || escapeAt(s, i)) {
			dst = append(dst, c)
		} else {
			dst = appendHex(dst, c)
		}
	}
	return dst
}

// appendOpaque writes text whose inner grammar is not known, so every '%' stays.
func appendOpaque(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; opaqueByte(c) {
			dst = append(dst, c)
		} else {
			dst = appendHex(dst, c)
		}
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

func appendHex(dst []byte, c byte) []byte { return append(dst, '%', hexDigits[c>>4], hexDigits[c&15]) }
