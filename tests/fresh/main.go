// Command fresh tries Drawbridge as a new user would: an empty Debian tree with nothing but git, make and Go, a clone, `make run`, the
// phone page in Chromium, one call. It prints how long that took and leaves screenshots at a desktop's and a phone's width.
//
//	go run ./tests/fresh -out tests/out
//
// It runs as root on Debian (debootstrap, mount, chroot), sends traffic to this host only, and cleans up behind itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Chosen here.
const (
	page       = "http://localhost:8080/"
	buildLimit = 15 * time.Minute
	callLimit  = time.Minute
	suite      = "bookworm"
)

func main() {
	out := flag.String("out", "tests/out", "folder for screenshots and the log")
	tree := flag.String("tree", "", "an empty Debian tree to use; made when empty")
	repo := flag.String("repo", ".", "what to clone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := try(ctx, *out, *tree, *repo); err != nil {
		fmt.Fprintln(os.Stderr, "fresh:", err)
		stop()
		os.Exit(1)
	}
}

// try is the new user, step by step.
func try(ctx context.Context, out, tree, repo string) (err error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	r, err := newRoot(ctx, tree)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	fmt.Printf("empty Debian %s tree ready\n", suite)

	start := time.Now()
	if err := r.clone(ctx, repo); err != nil {
		return err
	}
	fmt.Printf("cloned           %6.1f s\n", time.Since(start).Seconds())
	run, err := r.makeRun(ctx, filepath.Join(out, "make-run.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.stop()) }()
	if err := run.waitFor(ctx, page, buildLimit); err != nil {
		return err
	}
	fmt.Printf("page is up       %6.1f s\n", time.Since(start).Seconds())
	heard, err := call(ctx, page, out)
	if err != nil {
		return err
	}
	fmt.Printf("tone heard       %6.1f s  (620 Hz %.0f dB above the rest)\n", time.Since(start).Seconds(), heard.tone)
	fmt.Printf("own voice back            (1000 Hz %.0f dB above the rest)\n", heard.echo)
	fmt.Printf("from clone to call: %.1f minutes\n", time.Since(start).Minutes())
	return nil
}

// root is a Debian tree that a process can be shut into.
type root struct {
	dir    string
	made   bool
	mounts []string
}

// newRoot makes the tree, or borrows one, shows it the host's Go, and lets it reach the network the way the host does.
func newRoot(ctx context.Context, dir string) (*root, error) {
	r := &root{dir: dir}
	if dir == "" {
		made, err := os.MkdirTemp("", "drawbridge-fresh-")
		if err != nil {
			return nil, err
		}
		r.dir, r.made = made, true
		if err := command(ctx, "debootstrap", "--variant=minbase", "--include=make,git,ca-certificates", suite, made).Run(); err != nil {
			return nil, errors.Join(fmt.Errorf("debootstrap: %w", err), r.close())
		}
	}
	for _, m := range [][]string{{"-t", "proc", "proc", "/proc"}, {"--bind", "/dev", "/dev"}, {"--bind", runtime.GOROOT(), "/usr/local/go"}} { //nolint:staticcheck // the toolchain that built us is the one to lend
		at := filepath.Join(r.dir, m[len(m)-1])
		if err := os.MkdirAll(at, 0o755); err != nil {
			return nil, errors.Join(err, r.close())
		}
		if err := command(ctx, "mount", append(m[:len(m)-1:len(m)-1], at)...).Run(); err != nil {
			return nil, errors.Join(fmt.Errorf("mount %s: %w", at, err), r.close())
		}
		r.mounts = append(r.mounts, at)
	}
	for _, f := range []string{"/etc/resolv.conf", "/etc/apt/sources.list.d/debian.sources", "/etc/ssl/certs/ca-certificates.crt"} {
		if text, err := os.ReadFile(f); err == nil {
			if err := os.WriteFile(filepath.Join(r.dir, f), text, 0o644); err != nil {
				return nil, errors.Join(err, r.close())
			}
		}
	}
	return r, nil
}

func (r *root) clone(ctx context.Context, repo string) error {
	at := filepath.Join(r.dir, "drawbridge")
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	if err := command(ctx, "git", "clone", "--quiet", "--no-local", repo, at).Run(); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	return nil
}

// makeRun starts `make run` inside the tree with an environment as empty as a new user's.
func (r *root) makeRun(ctx context.Context, logFile string) (*process, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	cmd := command(ctx, "chroot", r.dir, "/bin/sh", "-c", "cd /drawbridge && exec make run")
	cmd.Env = []string{"PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GOFLAGS", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	p := &process{cmd: cmd, log: log, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
	return p, nil
}

// close takes the mounts away, and the tree when it is ours.
func (r *root) close() error {
	var errs []error
	for i := len(r.mounts) - 1; i >= 0; i-- {
		errs = append(errs, command(context.Background(), "umount", "--lazy", r.mounts[i]).Run())
	}
	if r.made && errors.Join(errs...) == nil {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	return cmd
}
