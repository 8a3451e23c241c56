package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// part is one duty of the border. do runs it against gateways of its own; its files are in dir. An error is one of the part's own
// tools: what the gateway does wrong is for the report.
type part struct {
	name string
	do   func(ctx context.Context, r *report, binary, dir string) error
}

// parts are run in this order, one after the other: each has the machine for itself.
var parts = []part{
	{"shield", shieldUp},
	{"trunks", deadTrunk},
	{"limits", limits},
	{"fraud", tollFraud},
	{"reload", reloadUnderCalls},
}

func main() {
	binary := flag.String("binary", "bin/drawbridge", "the gateway's program")
	only := flag.String("only", "", "run only the parts whose name contains this")
	strict := flag.Bool("strict", false, "what cannot be run here has failed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	r := &report{strict: *strict}
	if err := border(ctx, r, *binary, *only); err != nil {
		fmt.Fprintln(os.Stderr, "border:", err)
		r.fail++
	}
	fmt.Println(r)
	if r.fail > 0 {
		stop()
		os.Exit(1)
	}
}

func border(ctx context.Context, r *report, binary, only string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "drawbridge-border")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, p := range parts {
		if !strings.Contains(p.name, only) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.part = p.name
		home := filepath.Join(dir, p.name)
		if err := os.Mkdir(home, 0o700); err != nil {
			return err
		}
		if err := p.do(ctx, r, binary, home); err != nil {
			r.check("runs", false, "%v", err)
		}
	}
	return nil
}
