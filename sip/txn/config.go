package txn

import (
	"crypto/rand"
	"runtime"

	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Config configures a Core. The zero value is usable but for User.
type Config struct {
	Shards  int      // 1..36; 0 means 4 for each processor, at most 36
	Mailbox int      // fresh requests are answered 503 beyond so many queued events of a shard; 0 means 4096
	Node    string   // two lower-case letters or digits that begin every token; "" means "aa"
	Key     [32]byte // proves tokens; nodes that share calls share it; zero means random
	Server  string   // Server and User-Agent value where the user sets none; "" means no such header

	// LFOnly says whether the peer of a flow over datagrams may end header lines by LF alone; nil allows nobody. It is asked on the flow's
	// reader and must not block.
	LFOnly func(Flow) bool

	// Ignore says whether a request outside any dialog is dropped without an answer. It is asked on the flow's reader and must not block; m
	// is only lent. nil ignores nobody.
	Ignore func(f Flow, m *wire.Message) bool
	// Answered hears the final answer of the user to each request, on the shard's goroutine. It must not block. May be nil.
	Answered func(f Flow, method wire.Method, status int)

	User   User // may be set later, before Run, by SetUser
	Events telemetry.Listener
}

const (
	maxShards      = len(alphabet) // one character of the token
	defaultMailbox = 4096
	defaultNode    = "aa"
)

func (cfg Config) withDefaults() (Config, error) {
	if cfg.Shards == 0 {
		cfg.Shards = min(4*runtime.GOMAXPROCS(0), maxShards)
	}
	if cfg.Mailbox == 0 {
		cfg.Mailbox = defaultMailbox
	}
	if cfg.Node == "" {
		cfg.Node = defaultNode
	}
	if cfg.Key == [32]byte{} {
		rand.Read(cfg.Key[:])
	}
	if cfg.Shards < 1 || cfg.Shards > maxShards || cfg.Mailbox < 1 || len(cfg.Node) != nodeLen || !tokenChars(cfg.Node) {
		return cfg, ErrConfig
	}
	return cfg, nil
}
