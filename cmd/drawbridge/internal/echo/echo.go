package echo

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sync/errgroup"

	"drawbridge/sip/transport"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

const realm = "echo"

// Echo is the trunk. Its calls belong to the one shard of its transaction core.
type Echo struct {
	cfg       Config
	core      *txn.Core
	transport *transport.Transport
	calls     map[string]*call // by our tag
	streams   sync.WaitGroup   // media goroutines
}

// New opens the SIP socket.
func New(cfg Config) (*Echo, error) {
	e := &Echo{cfg: cfg, calls: map[string]*call{}}
	core, err := txn.New(txn.Config{Shards: 1, Node: "ec", Server: "Drawbridge echo", User: e})
	if err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	e.core = core
	e.transport, err = transport.New(transport.Config{
		Listeners: []transport.Listener{{Realm: realm, Network: "udp", Addr: cfg.Addr}},
		Receiver:  core,
		Allow:     func(_, _ string, source netip.Addr) bool { return e.hears(source) },
	})
	if err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	return e, nil
}

func (e *Echo) hears(source netip.Addr) bool {
	return !e.cfg.Gateway.IsValid() || source.Unmap() == e.cfg.Gateway.Addr().Unmap()
}

// Addr is the address of the SIP socket.
func (e *Echo) Addr() netip.AddrPort { return e.transport.Addrs(realm)[0] }

// SetGateway names the gateway, as in Config, for when its address is known only after ours. Call it before Run.
func (e *Echo) SetGateway(at netip.AddrPort) { e.cfg.Gateway = at }

// Run serves until ctx ends; it returns when every stream is closed.
func (e *Echo) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.core.Run(ctx) })
	g.Go(func() error { return e.transport.Run(ctx) })
	err := g.Wait()
	for _, c := range e.calls { // the shard has stopped: the map is ours
		c.stream.close()
	}
	e.streams.Wait()
	return err
}

// Request implements txn.User.
func (e *Echo) Request(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	c := e.calls[m.ToTag()]
	switch {
	case m.Method == wire.INVITE && m.ToTag() == "":
		e.invite(sh, tx, f, m)
	case m.Method == wire.OPTIONS && m.ToTag() == "":
		respond(tx, m, 200, "")
	case m.Method == wire.ACK:
		if c != nil {
			c.acked(m)
		}
	case c == nil || !c.dialog.Matches(m):
		respond(tx, m, 481, "")
	default:
		c.request(sh, tx, m)
	}
}

// Cancel implements txn.User.
func (e *Echo) Cancel(sh *txn.Shard, invite *txn.Server, m *wire.Message) {
	for _, c := range e.calls {
		if c.ringing == invite {
			respond(invite, c.invite, 487, c.tag)
			c.end()
		}
	}
}

// Unacked implements txn.User: a refusal without ACK needs nothing more.
func (e *Echo) Unacked(*txn.Shard, *txn.Server) {}

// FlowLost implements txn.User: UDP loses no flow.
func (e *Echo) FlowLost(*txn.Shard, txn.FlowKey) {}

// invite begins a call, or refuses it when its number says so.
func (e *Echo) invite(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	if status, ok := refusals[m.URI.User]; ok {
		respond(tx, m, status, sh.Token())
		return
	}
	c, err := e.newCall(sh, f, m.URI.User)
	if err != nil {
		respond(tx, m, 500, sh.Token())
		return
	}
	if status := c.offered(sh, tx, m); status != 0 {
		c.end()
		respond(tx, m, status, c.tag)
	}
}

// respond sends a response without body. An error means that the transaction is over, which leaves nothing to do.
func respond(tx *txn.Server, m *wire.Message, status int, tag string) {
	r := wire.NewResponse(m, status, "", tag)
	if status == 200 && m.Method == wire.OPTIONS {
		r.Set("Allow", allow)
		r.Set("Accept", sdpType)
	}
	_ = tx.Respond(r)
}
