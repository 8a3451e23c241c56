package media

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The operator hears of a browser socket that has less room than it asked for, and of no other.
func TestLittleRoomIsTold(t *testing.T) {
	addr := netip.AddrPortFrom(localhost, 0)
	for room, told := range map[int]bool{64 << 10: true, sharedRecv: false} {
		fd, _, err := openUDP(addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer closeFD(fd)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room); err != nil {
			t.Skip("not allowed to choose a socket's room here:", err)
		}
		var log strings.Builder
		e := &Engine{cfg: Config{Log: slog.New(slog.NewTextHandler(&log, nil))}}
		e.checkRoom(fd, addr)
		if got := strings.Contains(log.String(), "rmem_max"); got != told {
			t.Errorf("%d bytes: told %t, want %t", room, got, told)
		}
	}
}
