package offer

import "strings"

// hashes are the fingerprint algorithms accepted, best first (RFC 8122 section 5; SHA-1 and MD5 are refused), with their bytes.
var hashes = [...]struct {
	name string
	size int
}{{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}}

// takeFingerprint reads "sha-256 AB:CD:...". Of several of one block the best hash counts, and of several of that the first; what the
// session says counts when the m-line says nothing that is fit.
func (s *section) takeFingerprint(value string) {
	name, digits, _ := strings.Cut(strings.TrimSpace(value), " ")
	digits = strings.TrimSpace(digits)
	for i, h := range hashes[:s.hash] {
		if strings.EqualFold(name, h.name) && isDigest(digits, h.size) {
			s.hash, s.fingerprint = i, h.name+" "+strings.ToUpper(digits)
			return
		}
	}
}

// isDigest reports whether s is size bytes in hexadecimal, with a colon between.
func isDigest(s string, size int) bool {
	if len(s) != 3*size-1 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; i%3 == 2 && c != ':' || i%3 != 2 && !isHex(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// isICEText reports whether s is ice-chars of a legal length (RFC 8839 section 5.4).
func isICEText(s string, least int) bool {
	return len(s) >= least && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/')
	})
}
