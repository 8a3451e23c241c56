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

// algorithm is a hash of RFC 8760 section 2.2.
type algorithm struct {
	name string
	new  func() hash.Hash
}

var algorithms = []algorithm{
	{"SHA-256", sha256.New},
	{"SHA-512-256", sha512.New512_256},
	{"MD5", md5.New},
}

// algorithmNamed finds a hash; "" is MD5 (RFC 7616 section 3.4).
func algorithmNamed(name string) (algorithm, bool) {
	if name == "" {
		name = "MD5"
	}
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return strings.EqualFold(a.name, name) })
	if i < 0 {
		return algorithm{}, false
	}
	return algorithms[i], true
}

// hex is the hash of the parts with colons between them.
func (a algorithm) hex(parts ...string) string {
	h := a.new()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}
