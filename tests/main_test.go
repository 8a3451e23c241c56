package tests

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"drawbridge/tests/gateway"
	"drawbridge/tests/rough"
)

// long asks for the tests that measure, or that take longer than `make test` has time for.
var long = flag.Bool("long", false, "run the long tests and the measurements too")

// takesLong skips a test that nobody has asked for.
func takesLong(t *testing.T) {
	t.Helper()
	if !*long {
		t.Skip("takes long: make test-long")
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	if rough.Inside() { // the process that started it keeps the machine
		os.Exit(m.Run())
	}
	if err := gateway.Alone(); err != nil {
		fmt.Fprintln(os.Stderr, "tests:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
