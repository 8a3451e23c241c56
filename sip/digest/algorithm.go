package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
)

// Algorithm is a hash of RFC 8760 section 2.2.
type Algorithm struct {
	Name string
	new  func() hash.Hash
}

var algorithms = []Algorithm{
	{"SHA-256", sha256.New},
	{"SHA-512-256", sha512.New512_256},
	{"MD5", md5.New},
}

// Named finds the algorithm of an algorithm parameter; "", an absent one, is MD5 (RFC 7616 section 3.4).
func Named(name string) (Algorithm, bool) {
	if name == "" {
		name = "MD5"
	}
	i := slices.IndexFunc(algorithms, func(a Algorithm) bool { return strings.EqualFold(a.Name, name) })
	if i < 0 {
		return Algorithm{}, false
	}
	return algorithms[i], true
}

// Hex is the hash of the parts with colons between them, in hex digits.
func (a Algorithm) Hex(parts ...string) string {
	h := a.new()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}

// Digits is the length of what Hex returns.
func (a Algorithm) Digits() int { return hex.EncodedLen(a.new().Size()) }
