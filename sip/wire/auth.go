package wire

import "strings"

// Auth is a challenge or a set of credentials (RFC 3261 section 20.7, 20.27, 20.44; RFC 8898).
type Auth struct {
	Scheme string // as received: compare with strings.EqualFold
	Token  string // token68 of Bearer, "" for schemes with parameters
	Params Params // names lower case, values without quotes
}

// ParseAuth parses one value of Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate.
func ParseAuth(s string) (Auth, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	if !all(scheme, isToken) {
		return Auth{}, syntax("authentication scheme")
	}
	a := Auth{Scheme: scheme}
	rest = strings.TrimSpace(rest)
	if token68(rest) {
		a.Token = rest
		return a, nil
	}
	for rest != "" {
		part := rest
		if i := indexUnquoted(rest, ','); i >= 0 {
			part, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		p, err := parseAuthParam(strings.TrimSpace(part))
		if err != nil {
			return Auth{}, err
		}
		if _, twice := a.Params.Lookup(p.Name); twice {
			return Auth{}, syntax("repeated auth-param")
		}
		if len(a.Params) == maxParams {
			return Auth{}, overLimit("auth-params")
		}
		a.Params = append(a.Params, p)
	}
	return a, nil
}

// token68 matches RFC 7235's form of a bare token with padding.
func token68(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if c := body[i]; class[c]&isScheme == 0 && c != '_' && c != '~' && c != '/' {
			return false
		}
	}
	return body != ""
}

func parseAuthParam(s string) (Param, error) {
	name, value, ok := strings.Cut(s, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || !all(name, isToken) {
		return Param{}, syntax("auth-param")
	}
	switch {
	case strings.HasPrefix(value, `"`):
		if quotedEnd(value) != len(value) {
			return Param{}, syntax("auth-param")
		}
		value = unquote(value)
	case strings.ContainsAny(value, "\" \t") || value == "":
		return Param{}, syntax("auth-param")
	}
	return Param{Name: strings.ToLower(name), Value: value}, nil
}

// String writes the value: quoted where the grammar of RFC 3261 section 25.1 wants it.
func (a Auth) String() string {
	dst := appendToken(make([]byte, 0, 256), a.Scheme)
	if a.Token != "" {
		return string(appendText(append(dst, ' '), a.Token))
	}
	_, credentials := a.Params.Lookup("response")
	for i, p := range a.Params {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendToken(append(dst, ' '), p.Name)
		dst = append(dst, '=')
		if bareAuthParam(p.Name, credentials) && all(p.Value, isToken) {
			dst = append(dst, p.Value...)
		} else {
			dst = appendQuoted(dst, p.Value)
		}
	}
	return string(dst)
}

// bareAuthParam names the parameters without quotes: qop is quoted in a challenge and bare in credentials.
func bareAuthParam(name string, credentials bool) bool {
	switch name {
	case "algorithm", "stale", "nc", "userhash":
		return true
	case "qop":
		return credentials
	}
	return false
}
