package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// The network of the floods: the gateway and its trunks on one side, everybody else on the other. Whatever the gateway answers to an
// address that was forged goes to the other side, too, and ends there.
//
//	gateway, trunks 203.0.113.9, .77, .78 ── veth ── 203.0.113.60 to .74 attackers
type network struct{ inside, outside string }

// openNetwork makes the namespaces. Errors: errNotHere without root or ip.
func openNetwork() (*network, error) {
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("%w: network namespaces are made by root only", errNotHere)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHere, err)
	}
	n := &network{fmt.Sprintf("db-inside-%d", os.Getpid()), fmt.Sprintf("db-outside-%d", os.Getpid())}
	script := []string{
		"ip netns add " + n.inside, "ip netns add " + n.outside,
		"ip -n " + n.inside + " link set lo up", "ip -n " + n.outside + " link set lo up",
		"ip -n " + n.inside + " link add eth type veth peer name eth netns " + n.outside,
		"ip -n " + n.inside + " link set eth up", "ip -n " + n.outside + " link set eth up",
		"ip netns exec " + n.inside + " sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth.rp_filter=0",
	}
	for _, last := range []int{9, 77, 78} {
		script = append(script, fmt.Sprintf("ip -n %s addr add 203.0.113.%d/24 dev eth", n.inside, last))
	}
	for last := 60; last < 75; last++ {
		script = append(script, fmt.Sprintf("ip -n %s addr add 203.0.113.%d/24 dev eth", n.outside, last))
	}
	script = append(script, "ip -n "+n.inside+" route add default via 203.0.113.60")
	for _, line := range script {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			n.close()
			return nil, fmt.Errorf("%w: %s: %w: %s", errNotHere, line, err, strings.TrimSpace(string(out)))
		}
	}
	return n, nil
}

func (n *network) close() {
	_ = exec.Command("ip", "netns", "del", n.inside).Run() // they end with their processes otherwise
	_ = exec.Command("ip", "netns", "del", n.outside).Run()
}

// within runs fn on a thread in a namespace; sockets that it opens stay there.
func within(ns string, fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		f, err := os.Open("/run/netns/" + ns)
		if err != nil {
			done <- err
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- fn()
	}()
	return <-done
}
