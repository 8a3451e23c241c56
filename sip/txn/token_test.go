package txn

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func newCore(t testing.TB, cfg Config) *Core {
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTokenLeadsBackToItsShard(t *testing.T) {
	c := newCore(t, Config{Shards: maxShards, Node: "q7"})
	seen := make(map[string]bool)
	for i, sh := range c.shards {
		for range 50 {
			token := sh.Token()
			if got, ours := c.ShardOf(token); !ours || got != i {
				t.Fatalf("%s: shard %d %v, want %d", token, got, ours, i)
			}
			if seen[token] || !tokenChars(token) || !strings.HasPrefix(token, "q7") {
				t.Fatalf("token %q", token)
			}
			seen[token] = true
			if got, ours := c.shardOfBranch(sh.branch()); !ours || got != i {
				t.Fatalf("branch: shard %d %v, want %d", got, ours, i)
			}
		}
	}
}

func TestForgedTokens(t *testing.T) {
	c := newCore(t, Config{Shards: 4, Key: [32]byte{1}})
	token := c.shards[2].Token()
	for i := range token {
		forged := []byte(token)
		if forged[i]++; !tokenChars(string(forged[i])) {
			forged[i] = '0'
		}
		if _, ours := c.ShardOf(string(forged)); ours {
			t.Errorf("%s for %s is ours", forged, token)
		}
	}
	other := newCore(t, Config{Shards: 4, Key: [32]byte{2}})
	for name, s := range map[string]string{
		"empty": "", "short": token[:tokenLen-1], "long": token + "a", "upper case": strings.ToUpper(token),
		"another key": other.shards[2].Token(),
	} {
		if _, ours := c.ShardOf(s); ours {
			t.Errorf("%s: %q is ours", name, s)
		}
	}
	same := newCore(t, Config{Shards: 4, Key: [32]byte{1}})
	if i, ours := same.ShardOf(token); !ours || i != 2 {
		t.Error("a node with the same key does not know the token")
	}
	fewer := newCore(t, Config{Shards: 2, Key: [32]byte{1}})
	if _, ours := fewer.ShardOf(token); ours {
		t.Error("a shard that does not exist")
	}
}

func TestConfigLimits(t *testing.T) {
	for name, cfg := range map[string]Config{
		"too many shards": {Shards: maxShards + 1}, "negative shards": {Shards: -1}, "negative mailbox": {Mailbox: -1},
		"long node": {Node: "abc"}, "upper-case node": {Node: "AB"}, "node with a dot": {Node: "a."},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Budget: 1 alloc, the string.
func TestTokenAllocs(t *testing.T) {
	sh := newCore(t, Config{Shards: 1}).shards[0]
	var token string
	if n := testing.AllocsPerRun(100, func() { token = sh.Token() }); n > 1 {
		t.Errorf("mint: %v allocs", n)
	}
	if n := testing.AllocsPerRun(100, func() { sh.core.ShardOf(token) }); n > 0 {
		t.Errorf("check: %v allocs", n)
	}
}

// FuzzShardOf: what this node has not minted is nobody's, in whatever way it differs.
func FuzzShardOf(f *testing.F) {
	c := newCore(f, Config{Shards: 4, Key: [32]byte{1}})
	token := string(c.mint(nil, 2, rand.NewChaCha8([32]byte{}))) // the same in every worker
	f.Add(token, 0, byte('a'))
	f.Add("", 3, byte(0))
	f.Add(strings.Repeat("a", tokenLen), 24, byte('A'))
	f.Fuzz(func(t *testing.T, foreign string, at int, b byte) {
		forged := []byte(token)
		if at >= 0 && at < len(forged) {
			forged[at] = b
		}
		for _, s := range []string{foreign, string(forged), foreign + token, token + foreign} {
			if _, ours := c.ShardOf(s); ours && s != token {
				t.Errorf("%q is ours", s)
			}
			if _, ours := c.shardOfBranch(cookie + s); ours && s != token {
				t.Errorf("branch %q is ours", s)
			}
		}
	})
}
