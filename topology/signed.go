package topology

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// maxIdentity bounds an Identity value that is looked into, in bytes, and maxIdentities their number (a div PASSporT comes on top).
const (
	maxIdentity   = 8 << 10
	maxIdentities = 4
)

// signedFor reports whether the PASSporT of an Identity value (RFC 8225) names these numbers: its signature would not hold for others. A
// compact one does not say what it names, and is not sent on.
func signedFor(identity, caller, called string) bool {
	token, _, _ := strings.Cut(identity, ";")
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(identity) > maxIdentity || len(parts) != 3 || parts[1] == "" {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Orig struct {
			TN string `json:"tn"`
		} `json:"orig"`
		Dest struct {
			TN []string `json:"tn"`
		} `json:"dest"`
	}
	if json.Unmarshal(text, &claims) != nil {
		return false
	}
	return claims.Orig.TN != "" && claims.Orig.TN == digits(caller) && slices.ContainsFunc(claims.Dest.TN, func(tn string) bool { return tn == digits(called) })
}

// digits is a number in the form of PASSporTs: without +.
func digits(n string) string { return strings.TrimPrefix(n, "+") }
