package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The smaller of the machine's memory and its control group's counts.
func TestMachineMemory(t *testing.T) {
	group := filepath.Join(t.TempDir(), "memory.max")
	all := machineMemory(group)
	if all < 64<<20 {
		t.Fatalf("%d bytes in this machine", all)
	}
	for text, want := range map[string]uint64{"max\n": all, "": all, "67108864\n": 64 << 20, "18446744073709551615\n": all, "0\n": all} {
		if err := os.WriteFile(group, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := machineMemory(group); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
