package offer

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Chosen here.
const (
	maxCryptos = 16 // crypto attributes of one section that are looked at
	maxMKI     = 16 // bytes of a master key identifier; it has to fit behind every packet
)

// maxLifetime is that of a master key, in packets (RFC 3711 section 9.2).
const maxLifetime = 1 << 48

// cryptoLine is one a=crypto (RFC 4568 section 9.1).
//
//	a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4
//	         | suite                          key and salt                      lifetime|MKI:its length
//	        tag
type cryptoLine struct {
	tag   int
	suite Suite
	Crypto
}

// crypto takes a line that can be served; all others might as well not be there (RFC 4568 section 5.1.2). A tag means its first line.
func (s *section) crypto(value string) {
	if s.cryptoLines++; s.cryptoLines > maxCryptos {
		return
	}
	c, ok := parseCrypto(value)
	if ok && !slices.ContainsFunc(s.cryptos, func(b cryptoLine) bool { return b.tag == c.tag }) {
		s.cryptos = append(s.cryptos, c)
	}
}

// parseCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31|1:4 WSH=64"; ok is false when it is malformed or asks for what we do not do:
// another suite, several master keys, session parameters that change the packets.
func parseCrypto(value string) (c cryptoLine, ok bool) {
	f := strings.Fields(value)
	if len(f) < 3 || len(f[0]) > 9 {
		return c, false
	}
	tag, err := strconv.ParseUint(f[0], 10, 31)
	if err != nil || f[0][0] == '0' && len(f[0]) > 1 { // it is echoed, and compared as text
		return c, false
	}
	suite := slices.IndexFunc(suites[:], func(s suiteForm) bool { return s.name == f[1] })
	if suite < 0 || slices.ContainsFunc(f[3:], func(p string) bool { return !harmless(p) }) {
		return c, false
	}
	c.tag, c.suite = int(tag), Suite(suite)
	c.Crypto, ok = parseInline(f[2], c.suite.KeySize())
	return c, ok
}

// harmless tells whether a session parameter leaves the packets as they are: a hint for the window, a default written out, or one that
// RFC 4568 section 6.3.7 lets us overlook.
func harmless(parameter string) bool {
	name, value, _ := strings.Cut(parameter, "=")
	switch strings.ToUpper(name) {
	case "WSH":
		return true
	case "KDR":
		return value == "0"
	}
	return strings.HasPrefix(name, "-")
}

// parseInline reads one master key of size bytes.
func parseInline(text string, size int) (c Crypto, ok bool) {
	const method = "inline:"
	if len(text) < len(method) || !strings.EqualFold(text[:len(method)], method) {
		return c, false
	}
	parts := strings.Split(text[len(method):], "|")
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil || len(raw) != size {
		return c, false
	}
	c.Key = Key(raw)
	rest := parts[1:]
	if len(rest) > 0 && !strings.Contains(rest[0], ":") {
		if !validLifetime(rest[0]) {
			return c, false
		}
		rest = rest[1:]
	}
	switch len(rest) {
	case 0:
		return c, true
	case 1:
		c.MKI, ok = parseMKI(rest[0])
		return c, ok
	}
	return c, false
}

// validLifetime reads "2^31" or a number of packets. It binds who sends with the key, who has to bring a new one in time.
func validLifetime(s string) bool {
	if exponent, power := strings.CutPrefix(s, "2^"); power {
		n, err := strconv.ParseUint(exponent, 10, 8)
		return err == nil && n <= 48
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0 && n <= maxLifetime
}

// parseMKI reads "1:4": the value, and the bytes it has in a packet, most significant first.
func parseMKI(s string) (string, bool) {
	value, length, ok := strings.Cut(s, ":")
	if !ok {
		return "", false
	}
	v, err1 := strconv.ParseUint(value, 10, 64)
	n, err2 := strconv.ParseUint(length, 10, 8)
	if err1 != nil || err2 != nil || n == 0 || n > maxMKI || n < 8 && v>>(8*n) != 0 {
		return "", false
	}
	mki := make([]byte, n)
	for i := int(n) - 1; i >= 0; i, v = i-1, v>>8 {
		mki[i] = byte(v)
	}
	return string(mki), true
}

// attribute is the value of a=crypto. No lifetime is written: the default is what we keep to.
func (c cryptoLine) attribute() string {
	s := strconv.Itoa(c.tag) + " " + c.suite.String() + " inline:" + base64.StdEncoding.EncodeToString([]byte(c.Key))
	if c.MKI == "" {
		return s
	}
	var v uint64
	for i := range len(c.MKI) {
		v = v<<8 | uint64(c.MKI[i])
	}
	return s + "|" + strconv.FormatUint(v, 10) + ":" + strconv.Itoa(len(c.MKI))
}
