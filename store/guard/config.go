package guard

import (
	"net/netip"
	"time"

	"drawbridge/policy/number"
	"drawbridge/policy/shield"
	"drawbridge/telemetry"
)

// Config configures a Guard.
type Config struct {
	Settings

	Entries int    // denied and allowed at once; 0 means 10 000
	Sources int    // remembered at once for what they do, and four times as many that are counted; 0 means 16 384
	File    string // the lists over a restart; "" keeps none
	NFT     NFT    // the kernel's sets of what is denied; zero exports nothing

	Known  func(netip.Addr) bool // a trunk's source, in any realm; nil knows none
	Trunks func() []netip.Prefix // the same as a list; nil is none
	Realms []string              // to count by
	Events telemetry.Listener

	now func() time.Time // tests only
}

// Settings are what may change while the gateway runs.
type Settings struct {
	Rules      shield.Rules
	Realms     map[string]*shield.Rules // of the realms that have rules of their own
	Allow      []netip.Prefix           // never denied, never counted
	NeverBlock []netip.Prefix           // never banned by itself
	Deny       []netip.Prefix           // for ever
	Scanners   []string                 // what the agents of scanners are called, in lower case; a part of the name is enough
	Plan       number.Plan              // how numbers are dialled here
}

// Chosen here.
const (
	defaultEntries = 10_000
	defaultSources = 16_384
	ratesEach      = 4           // rates for each record
	saveEvery      = time.Second // at most; a flood of bans is one write

	widest4 = 8 // networks that are larger take force
	widest6 = 20

	longestText = 256 // bytes of a pattern or a reason
	mostNames   = 1000
)

func (cfg Config) withDefaults() Config {
	if cfg.Entries == 0 {
		cfg.Entries = defaultEntries
	}
	if cfg.Sources == 0 {
		cfg.Sources = defaultSources
	}
	if cfg.Known == nil {
		cfg.Known = func(netip.Addr) bool { return false }
	}
	if cfg.Trunks == nil {
		cfg.Trunks = func() []netip.Prefix { return nil }
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	return cfg
}
