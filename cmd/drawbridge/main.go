package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // hours of routes on a machine without time zones

	"github.com/alecthomas/kong"
)

// cli is the command line; kong calls the chosen command's Run.
type cli struct {
	Serve   serveCommand   `cmd:"" help:"Run the gateway."`
	Check   checkCommand   `cmd:"" help:"Print every problem of a configuration, one a line; exit 1 when there is one."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON Schema of the configuration."`
	Demo    demoCommand    `cmd:"" help:"Run the gateway with a built-in configuration, an echo trunk and a phone page."`
	Call    callCommand    `cmd:"" help:"Place one WebRTC test call through any gateway; print one JSON line."`
	Route   routeCommand   `cmd:"" help:"Explain where a call would go, and why."`
	Rules   rulesCommand   `cmd:"" help:"Try header rules on a message."`
	Reload  reloadCommand  `cmd:"" help:"Make the running gateway read its configuration again; exit 1 when it is refused."`
	ACL     aclCommand     `cmd:"" name:"acl" help:"Show and change who the running gateway does not hear."`
	Version versionCommand `cmd:"" help:"Print what was built."`
}

// errVerdict ends a command with status 1 after it has said why in its own output.
var errVerdict = errors.New("verdict: fail")

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("drawbridge"), kong.Description("A session border controller gateway between browsers and SIP trunks."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(); err != nil {
		if !errors.Is(err, errVerdict) {
			fmt.Fprintln(os.Stderr, "drawbridge:", err)
		}
		stop()
		os.Exit(1)
	}
}
