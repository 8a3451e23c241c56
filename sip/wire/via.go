package wire

import "strings"

// ParseVia parses one Via value (RFC 3261 section 20.42): SIP/2.0/transport sent-by *(;params).
func ParseVia(s string) (Via, error) { return parseVia(s, nil) }

// parseVia is ParseVia with room for the parameters; nil is none.
func parseVia(s string, room *Params) (Via, error) {
	rest, ok := strings.CutPrefix(s, "SIP/2.0/")
	if !ok {
		if len(s) < 8 || !strings.EqualFold(s[:8], "SIP/2.0/") {
			return Via{}, syntax("Via protocol")
		}
		rest = s[8:]
	}
	transport, rest, ok := strings.Cut(rest, " ")
	if !ok || !all(transport, isToken) {
		return Via{}, syntax("Via transport")
	}
	end := strings.IndexByte(rest, ';')
	if end < 0 {
		end = len(rest)
	}
	host, port, err := parseHostPort(rest[:end])
	if err != nil {
		return Via{}, err
	}
	p, err := parseParams(rest[end:], room)
	return Via{Transport: strings.ToUpper(transport), Host: host, Port: port, Params: p}, err
}

// Append writes the Via value.
func (v Via) Append(dst []byte) []byte {
	dst = append(dst, "SIP/2.0/"...)
	dst = appendToken(dst, v.Transport)
	dst = append(dst, ' ')
	dst = appendHostPort(dst, v.Host, v.Port)
	return appendParams(dst, v.Params)
}

// String returns the Via value as Append writes it.
func (v Via) String() string { return string(v.Append(make([]byte, 0, 96))) }
