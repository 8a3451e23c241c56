package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"drawbridge/config"
)

type serveCommand struct {
	Config string `required:"" type:"existingfile" placeholder:"FILE" help:"Configuration, YAML."`
}

// Run serves until a signal, then drains.
func (c serveCommand) Run(ctx context.Context) error {
	hangup := make(chan os.Signal, 1) // what comes while one is obeyed is one more
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	load := func() (*config.Snapshot, error) { return config.Load(c.Config) }
	snap, err := load()
	if err != nil {
		return err
	}
	tuneMemory()
	lines := &gathered{to: os.Stderr}
	defer lines.flush()
	g, err := open(ctx, snap, extras{log: logger(lines, snap.Log), load: load, hangup: hangup})
	if err != nil {
		return err
	}
	return g.run(ctx)
}

type checkCommand struct {
	File string `arg:"" help:"Configuration, YAML."`
}

// Run prints the problems and fails when there are any.
func (c checkCommand) Run() error {
	snap, err := config.Load(c.File)
	if report, ok := errors.AsType[*config.Report](err); ok {
		fmt.Println(report)
		return errVerdict
	}
	if err != nil {
		return err
	}
	for _, w := range snap.Warnings {
		fmt.Println("warning:", w)
	}
	fmt.Println(c.File + ": ok")
	return nil
}

type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run() error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(schema)
	return err
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("drawbridge", version(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return nil
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	if info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
