package telemetry

import "strings"

// Mask hides the middle of a telephone number for logs: "+4930123456" becomes "+49****56". Names (anything with a letter) and
// short numbers (extensions, emergency numbers) are kept. CDRs carry the whole number: they are the operator's record, logs travel.
func Mask(user string) string {
	const short, head, tail = 6, 3, 2
	if len(user) <= short {
		return user
	}
	for i := range len(user) {
		if c := user[i]; (c < '0' || c > '9') && !strings.ContainsRune("+*#-.() ", rune(c)) {
			return user
		}
	}
	return user[:head] + "****" + user[len(user)-tail:]
}

// maskAOR masks the user part of an address of record, "sip:user@host".
func maskAOR(aor string) string {
	rest, ok := strings.CutPrefix(aor, "sip:")
	user, host, at := strings.Cut(rest, "@")
	if !ok || !at {
		return Mask(aor)
	}
	return "sip:" + Mask(user) + "@" + host
}
