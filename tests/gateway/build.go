package gateway

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// Root is the top of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Binary builds the program once in a process and returns its path. DRAWBRIDGE_BINARY names one that is built already.
var Binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("DRAWBRIDGE_BINARY"); path != "" {
		return path, nil
	}
	out := filepath.Join(Root(), "tests", "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(out, "drawbridge")
	cmd := exec.Command("go", "build", "-tags", "nolibopusfile", "-o", path, "./cmd/drawbridge")
	cmd.Dir = Root()
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, text)
	}
	return path, nil
})

// Alone waits until no other test program has the machine, and keeps it until the process ends: calls with a browser and a load of
// calls on the same two cores would measure each other. The descriptor is never closed; the lock goes with the process.
func Alone() error {
	fd, err := syscall.Open(filepath.Join(os.TempDir(), "drawbridge-tests.lock"), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	return syscall.Flock(fd, syscall.LOCK_EX)
}
