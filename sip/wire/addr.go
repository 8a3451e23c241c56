package wire

import "strings"

// ParseAddr parses one name-addr or addr-spec with header parameters (RFC 3261 section 20.10). Without angle brackets everything
// behind the first ';' belongs to the header, and a URI that holds '?' or ',' is refused.
func ParseAddr(s string) (Addr, error) { return parseAddr(s, nil) }

// parseAddr is ParseAddr with room for the parameters; nil is none.
func parseAddr(s string, room *Params) (Addr, error) {
	s = strings.Trim(s, " ")
	if s == "" {
		return Addr{}, syntax("address")
	}
	if s[0] != '"' && indexUnquoted(s, '<') < 0 {
		return parseAddrSpec(s, room)
	}
	var a Addr
	var err error
	if a.Display, s, err = parseDisplay(s); err != nil {
		return Addr{}, err
	}
	end := indexUnquoted(s, '>') // a URI parameter in quotes may hold one
	if end < 0 {
		return Addr{}, syntax("address")
	}
	if a.URI, err = parseURI(s[1:end], room); err != nil {
		return Addr{}, err
	}
	a.Params, err = parseParams(strings.TrimLeft(s[end+1:], " "), room) // Canon may not have seen it
	return a, err
}

func parseAddrSpec(s string, room *Params) (Addr, error) {
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	if strings.ContainsAny(s[:end], "?,") {
		return Addr{}, syntax("address without angle brackets")
	}
	u, err := parseURI(strings.TrimRight(s[:end], " "), room)
	if err != nil {
		return Addr{}, err
	}
	p, err := parseParams(s[end:], room)
	return Addr{URI: u, Params: p}, err
}

// parseDisplay cuts the display name off and returns the text from '<' on.
func parseDisplay(s string) (display, rest string, err error) {
	if s[0] == '"' {
		n := quotedEnd(s)
		if n < 0 {
			return "", "", syntax("display name")
		}
		display, rest = unquote(s[:n]), strings.TrimLeft(s[n:], " ")
	} else {
		n := strings.IndexByte(s, '<')
		display, rest = strings.TrimRight(s[:n], " "), s[n:]
		if !displayTokens(display) {
			return "", "", syntax("display name")
		}
	}
	if !strings.HasPrefix(rest, "<") {
		return "", "", syntax("address")
	}
	return display, rest, nil
}

// displayTokens accepts *(token LWS); bytes beyond ASCII are tolerated, phones forget the quotes.
func displayTokens(s string) bool {
	for i := range len(s) {
		if c := s[i]; class[c]&isToken == 0 && c != ' ' && c < 0x80 {
			return false
		}
	}
	return true
}

// Tag returns the tag parameter, "" when absent.
func (a Addr) Tag() string { return a.Params.Get("tag") }

// Append writes the address, always in angle brackets.
func (a Addr) Append(dst []byte) []byte {
	if a.Display != "" {
		dst = appendQuoted(dst, a.Display)
		dst = append(dst, ' ')
	}
	dst = append(dst, '<')
	dst = a.URI.Append(dst)
	dst = append(dst, '>')
	return appendParams(dst, a.Params)
}

// String returns the address as Append writes it.
func (a Addr) String() string { return string(a.Append(make([]byte, 0, 96))) }
