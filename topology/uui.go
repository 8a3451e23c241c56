package topology

import (
	"encoding/hex"
	"strings"

	"drawbridge/sip/wire"
)

// defaultUUI is the length of user-to-user information in ISDN, in octets (ITU-T Q.931 section 4.5.30, without its first three).
const defaultUUI = 128

// maxUUI bounds what is read, in octets.
const maxUUI = 2048

// userToUser reads user-to-user information in a peer's form, as hexadecimal digits; "" when there is none or it is none.
func userToUser(m *wire.Message, form string) string {
	var text string
	switch form {
	case "rfc7433": // section 4.1: hex is the only encoding, and the default
		v, params, _ := strings.Cut(m.Get("User-to-User"), ";")
		if e := parameter(params, "encoding"); e != "" && e != "hex" {
			return ""
		}
		text = v
	case "x_uui":
		text = m.Get("X-UUI")
	}
	text = strings.ToLower(strings.Trim(text, `" `))
	if _, err := hex.DecodeString(text); err != nil || len(text) > 2*maxUUI {
		return ""
	}
	return text
}

// addUUI writes user-to-user information in a peer's form, cut to limit octets.
func addUUI(m *wire.Message, form, text string, limit int) {
	if limit == 0 {
		limit = defaultUUI
	}
	text = text[:min(len(text), 2*limit)]
	switch {
	case text == "":
	case form == "rfc7433":
		m.Add("User-to-User", text+";encoding=hex")
	case form == "x_uui":
		m.Add("X-UUI", text)
	}
}

// parameter is the value of one of parameters separated by semicolons, in lower case.
func parameter(params, name string) string {
	for p := range strings.SplitSeq(params, ";") {
		if key, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.ToLower(strings.Trim(strings.TrimSpace(v), `"`))
		}
	}
	return ""
}
