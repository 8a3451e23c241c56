package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
)

// least is how many messages are to be seen in each direction.
const least = 200

func main() {
	binary := flag.String("binary", "bin/drawbridge", "the gateway's program")
	only := flag.String("only", "", "play only the scenes whose name contains this")
	verbose := flag.Bool("v", false, "print each scene, and the messages that leak")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	r := &run{only: *only, verbose: *verbose}
	err := r.all(ctx, *binary)
	if err != nil {
		fmt.Fprintln(os.Stderr, "leakscan:", err)
	}
	fmt.Printf("messages=%d leaks=%d\n", r.messages, r.leaks)
	if err != nil || r.leaks > 0 || r.fail > 0 {
		stop()
		os.Exit(1)
	}
}

// run is the scan of one gateway.
type run struct {
	only    string
	verbose bool

	gw            *gateway.Gateway
	alice         *phone // a browser
	trunk, other  *phone
	leaky         *phone           // a trunk that is to be shown a header of the caller's
	ours          map[bool]*ground // what the gateway is on the browser's side, and on the trunks', is as little the other's business
	messages      int
	leaks         int
	fail          int
	scenes, wrong int
}

func (r *run) all(ctx context.Context, binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "drawbridge-leakscan")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := r.begin(ctx, binary, dir); err != nil {
		return err
	}
	r.play(ctx)
	if err := r.gw.Stop(); err != nil {
		return err
	}
	if r.wrong > 0 {
		return fmt.Errorf("%d of %d scenes did not come to their end", r.wrong, r.scenes)
	}
	return r.scan()
}

// begin starts the gateway between a browser and three trunks.
func (r *run) begin(ctx context.Context, binary, dir string) error {
	r.alice = newPhone("browser", "umbrella", "10.77.1.1", "alice", 31771)
	r.alice.password = "wonderland"
	r.trunk = newPhone("trunk", "walrus", "127.0.3.1", "+4940111222", 31881)
	r.other = newPhone("other trunk", "oyster", "127.0.3.2", "+4940333444", 31991)
	r.leaky = newPhone("leaky trunk", "carpenter", "127.0.3.3", "+4940555666", 32101)
	var trunks []gateway.Trunk
	var at []netip.AddrPort
	for i, p := range []*phone{r.trunk, r.other, r.leaky} {
		addr := netip.MustParseAddr(p.host)
		port, err := gateway.FreePort(addr)
		if err != nil {
			return err
		}
		at = append(at, netip.AddrPortFrom(addr, uint16(port)))
		t := gateway.Trunk{Name: []string{"trunk", "other", "leaky"}[i], Target: at[i]}
		if p == r.leaky {
			t.More = "profile_settings: {hdr.pass: [X-Planted]}"
		}
		trunks = append(trunks, t)
	}
	key, err := gateway.MakeIdentity(dir)
	if err != nil {
		return err
	}
	r.gw, err = gateway.Launch(binary, dir, gateway.Config{
		Key: key, Ports: 2000, Users: []gateway.User{{Name: "alice", Password: "wonderland", Number: "+4930111"}}, Trunks: trunks,
		Routes: []gateway.Route{
			{From: "access", To: "+4940111*", Via: "trunk"}, {From: "access", To: "+4940333*", Via: "other"}, {From: "access", To: "+4940555*", Via: "leaky"},
			{From: "carrier", To: "+4940111*", Via: "trunk"}, {From: "carrier", To: "+4940333*", Via: "other"},
		},
	})
	if err != nil {
		return err
	}
	for i, p := range []*phone{r.trunk, r.other, r.leaky} {
		if err := p.datagrams(at[i], r.gw.SIP); err != nil {
			return err
		}
	}
	door := light.Door{At: r.gw.Web, Path: "/sip", Pool: key.Pool, Origin: "https://" + r.gw.Web.String(), Subprotocol: "sip"}
	conn, _, err := door.Knock(ctx)
	if err != nil {
		return err
	}
	r.alice.webSocket(conn, "access.test")
	r.ours = map[bool]*ground{true: newGround(), false: newGround()}
	r.ours[true].secret("domain of the other side", "access.test")
	r.ours[true].number("port of the other side", fmt.Sprint(r.gw.Web.Port()))
	r.ours[true].number("port of the other side", fmt.Sprint(r.gw.Media.Port()))
	r.ours[false].secret("gateway on the other side", r.gw.SIP.Addr().String())
	return r.alice.register()
}

// play plays every scene in every direction, in each spelling.
func (r *run) play(ctx context.Context) {
	ways := []struct {
		from, to *phone
		number   string
	}{{r.alice, r.trunk, r.trunk.user}, {r.trunk, r.alice, "+4930111"}, {r.trunk, r.other, r.other.user}, {r.other, r.trunk, r.trunk.user}}
	for _, s := range []spelling{plain, odd, folded} {
		for _, w := range ways {
			w.from.spells, w.to.spells = s, s
			for _, sc := range scenes() {
				if ctx.Err() == nil && strings.Contains(sc.name, r.only) {
					r.scene(sc, &stage{c: w.from, e: w.to, number: w.number})
				}
			}
		}
	}
	r.alice.spells = plain
	r.scene(scenes()[0], &stage{c: r.alice, e: r.leaky, number: r.leaky.user})
}

func (r *run) scene(sc scene, s *stage) {
	began := time.Now()
	s.c.faces(s.e)
	s.e.faces(s.c)
	sc.play(s)
	r.scenes++
	if s.err != nil {
		r.wrong++
		fmt.Printf("FAIL  %s, %s to %s: %v\n", sc.name, s.c.name, s.e.name, s.err)
	} else if r.verbose {
		fmt.Printf("      %-26s %s to %s: %v\n", sc.name, s.c.name, s.e.name, time.Since(began).Round(time.Millisecond))
	}
}

// scan searches what each has got for what belongs to the others, and tries the scan itself.
func (r *run) scan() error {
	all := []*phone{r.alice, r.trunk, r.other, r.leaky}
	for _, p := range all {
		for _, m := range p.scenario() {
			p.ground.spoken(m)
		}
	}
	for _, to := range all[:3] {
		for _, from := range all[:3] {
			if to == from || to == r.other && from == r.alice || to == r.alice && from == r.other {
				continue
			}
			if err := r.direction(from, to); err != nil {
				return err
			}
		}
	}
	return r.control()
}

// direction searches what one side has got.
func (r *run) direction(from, to *phone) error {
	all, leaks, got := to.scenario(), 0, 0
	for _, m := range all {
		if m.from == from {
			got++
		}
		found := from.ground.leaks(m.raw)
		if from.browser != to.browser {
			found = append(found, r.ours[from.browser].leaks(m.raw)...)
		}
		for _, l := range found {
			leaks++
			fmt.Printf("LEAK  %s of %s in %s to %s\n", l, from.name, m.start, to.name)
		}
		if r.verbose && len(found) > 0 {
			fmt.Println(m.raw)
		}
	}
	fmt.Printf("%-12s -> %-12s messages=%d searched_for=%d leaks=%d\n", from.name, to.name, got, len(from.ground.texts)+len(from.ground.numbers), leaks)
	r.messages += got
	r.leaks += leaks
	if got < least && r.only == "" {
		return fmt.Errorf("%s has got %d messages of %s, less than %d", to.name, got, from.name, least)
	}
	for _, m := range all {
		if missed := from.ground.control(m.raw); len(missed) > 0 {
			return fmt.Errorf("a planted leak was not found: %s", strings.Join(missed, ", "))
		}
	}
	return nil
}

// control looks for the header that the leaky trunk is shown.
func (r *run) control() error {
	for _, m := range r.leaky.scenario() {
		if len(r.alice.ground.leaks(m.raw)) > 0 {
			fmt.Println("control: the leak that was configured is found, and one of each kind in every message")
			return nil
		}
	}
	return fmt.Errorf("the leak that was configured is not found")
}
