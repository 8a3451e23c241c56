package tests

import (
	"fmt"
	"os"
	"testing"

	"drawbridge/tests/gateway"
)

func TestMain(m *testing.M) {
	if err := gateway.Alone(); err != nil {
		fmt.Fprintln(os.Stderr, "tests:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
