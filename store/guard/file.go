package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"drawbridge/telemetry"
)

// sweepEvery is how often expired entries go that nobody has asked for. Chosen here.
const sweepEvery = time.Minute

// touch tells Run that something has changed.
func (g *Guard) touch() {
	select {
	case g.changed <- struct{}{}:
	default: // it knows
	}
}

// Run writes what changes to the file and to the kernel until ctx ends, and once more then.
func (g *Guard) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	g.write(ctx)
	for {
		select {
		case <-ctx.Done():
			g.write(context.WithoutCancel(ctx))
			return nil
		case now := <-sweep.C:
			g.mu.Lock()
			g.sweep(now)
			g.mu.Unlock()
			continue
		case <-g.changed:
		}
		g.write(ctx)
		pause := time.NewTimer(saveEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// write brings the file and the kernel up to date. What fails is told, and tried again with the next change.
func (g *Guard) write(ctx context.Context) {
	if err := g.save(); err != nil {
		g.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "access lists not written", Detail: err.Error()})
	}
	if err := g.cfg.NFT.put(ctx, g.List(), g.cfg.now()); err != nil {
		g.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "nftables not written", Detail: err.Error()})
	}
}

// load takes over what the file says and has not expired.
func (g *Guard) load() error {
	if g.cfg.File == "" {
		return nil
	}
	text, err := os.ReadFile(g.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the first start
	}
	if err != nil {
		return fmt.Errorf("access lists: %w", err)
	}
	var all []*Entry
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("access lists %s: %w: %w", g.cfg.File, ErrEntry, err)
	}
	now := g.cfg.now()
	for _, e := range all {
		p, err := e.check(g.set.Load().Plan)
		if err != nil {
			return fmt.Errorf("access lists %s: %w", g.cfg.File, err)
		}
		if !e.over(now) && e.Reason != fromConfig && g.total < g.cfg.Entries {
			g.place(p, e)
		}
	}
	return nil
}

// save replaces the file in one step: whoever reads it finds the old lists or the new ones, after a crash too.
func (g *Guard) save() (err error) {
	if g.cfg.File == "" {
		return nil
	}
	kept := []*Entry{}
	for _, e := range g.List() {
		if e.Reason != fromConfig {
			kept = append(kept, e)
		}
	}
	text, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(g.cfg.File)
	tmp, err := os.CreateTemp(dir, ".acl-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name()) // it may be gone already
		}
	}()
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), g.cfg.File); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
