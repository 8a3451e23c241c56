package guard

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKernelTakesTheSets: nft itself understands what it is told, in a network of its own.
func TestKernelTakesTheSets(t *testing.T) {
	nft, err := exec.LookPath("nft")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and nft")
	}
	ns := fmt.Sprintf("db-nft-%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		t.Skipf("no namespace: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	inside := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ip", append([]string{"netns", "exec", ns, nft}, args...)...).CombinedOutput()
		if err != nil {
			t.Skipf("nft %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	inside("add table inet filter; add set inet filter four { type ipv4_addr; flags interval, timeout; }; " +
		"add set inet filter six { type ipv6_addr; flags interval, timeout; }")
	program := filepath.Join(t.TempDir(), "nft")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec ip netns exec "+ns+" "+nft+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	g, _ := open(t, Config{NFT: NFT{Set4: "inet filter four", Set6: "inet filter six", Program: program}})
	for _, e := range []*Entry{
		{Kind: Source, Value: "198.51.100.0/24"}, {Kind: Source, Value: "203.0.113.5", Until: time.Now().Add(time.Hour)}, {Kind: Source, Value: "2001:db8::/64"},
	} {
		if err := g.Add(e, false); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // what is there already is no error
		if err := g.cfg.NFT.put(t.Context(), g.List(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	have := inside("list", "table", "inet", "filter")
	for _, want := range []string{"198.51.100.0/24", "203.0.113.5 timeout", "2001:db8::/64"} {
		if !strings.Contains(have, want) {
			t.Errorf("%s is not in the kernel:\n%s", want, have)
		}
	}
	if err := g.Remove(false, Source, "198.51.100.0/24"); err != nil {
		t.Fatal(err)
	}
	if err := g.cfg.NFT.put(t.Context(), g.List(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if have := inside("list", "table", "inet", "filter"); strings.Contains(have, "198.51.100.0") {
		t.Errorf("still in the kernel:\n%s", have)
	}
}
