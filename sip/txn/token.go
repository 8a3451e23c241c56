package txn

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"drawbridge/sip/wire"
)

// A token is node (2), shard (1), random (16), check (6): lower-case letters and digits, because tags and branches are compared
// without regard to case. The check is a keyed hash of what stands before it, so a forged token never reaches a shard's maps.
const (
	nodeLen   = 2
	shardAt   = nodeLen
	randomAt  = shardAt + 1
	randomLen = 16 // 80 bits
	checkAt   = randomAt + randomLen
	checkLen  = 6 // 30 bits: a guess costs a packet each
	tokenLen  = checkAt + checkLen

	cookie = "z9hG4bK" // RFC 3261 section 8.1.1.7

	statelessRandom = 12 // behind the node in the tag of an answer without state
	statelessLen    = nodeLen + statelessRandom
)

const (
	alphabet = "0123456789abcdefghijklmnopqrstuvwxyz" // a shard's character
	base32   = "abcdefghijklmnopqrstuvwxyz234567"     // 5 bits each
)

func tokenChars(s string) bool {
	return strings.Trim(s, alphabet) == ""
}

// seal is the keyed hash behind token checks and stateless tags.
type seal [32]byte

// sum hashes the key and the parts, each behind its length.
func (s *seal) sum(parts ...string) [sha256.Size]byte {
	var room [256]byte
	b := append(room[:0], s[:]...)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

// appendBase32 writes n characters from the bits of v.
func appendBase32(dst []byte, v uint64, n int) []byte {
	for range n {
		dst = append(dst, base32[v&31])
		v >>= 5
	}
	return dst
}

func (s *seal) appendCheck(dst []byte, body string) []byte {
	h := s.sum("token", body)
	return appendBase32(dst, binary.BigEndian.Uint64(h[:]), checkLen)
}

// mint appends a token for a shard.
func (c *Core) mint(dst []byte, shard int, random *rand.ChaCha8) []byte {
	start := len(dst)
	dst = append(append(dst, c.cfg.Node...), alphabet[shard])
	dst = appendBase32(dst, random.Uint64(), randomLen/2)
	dst = appendBase32(dst, random.Uint64(), randomLen/2)
	return c.seal.appendCheck(dst, string(dst[start:]))
}

// ShardOf returns the shard that minted a token, and false for anything that this node did not mint.
func (c *Core) ShardOf(token string) (int, bool) {
	if len(token) != tokenLen || token[:nodeLen] != c.cfg.Node {
		return 0, false
	}
	shard := strings.IndexByte(alphabet, token[shardAt])
	if shard < 0 || shard >= len(c.shards) {
		return 0, false
	}
	var room [checkLen]byte
	check := c.seal.appendCheck(room[:0], token[:checkAt])
	return shard, subtle.ConstantTimeCompare(check, []byte(token[checkAt:])) == 1
}

// shardOfBranch is ShardOf for a Via branch.
func (c *Core) shardOfBranch(branch string) (int, bool) {
	token, ok := strings.CutPrefix(branch, cookie)
	if !ok {
		return 0, false
	}
	return c.ShardOf(token)
}

// statelessTag is the To tag of an answer that leaves no state behind: the same for every retransmission of the request and for the
// ACK that follows it.
func (c *Core) statelessTag(m *wire.Message) string {
	h := c.seal.stateless(m.Branch(), m.CallID, m.FromTag())
	var room [statelessLen]byte
	return string(c.appendStatelessTag(room[:0], &h))
}

// mark is what an answer without state is made from.
type mark [sha256.Size]byte

func (s *seal) stateless(branch, callID, fromTag string) mark {
	return s.sum("stateless", branch, callID, fromTag)
}

func (c *Core) appendStatelessTag(dst []byte, h *mark) []byte {
	return appendBase32(append(dst, c.cfg.Node...), binary.BigEndian.Uint64(h[:]), statelessRandom)
}

// retryAfter is the same for every retransmission of a request, and spread over requests.
func (h *mark) retryAfter() uint64 { return retryMin + binary.BigEndian.Uint64(h[8:])%retrySpread }
