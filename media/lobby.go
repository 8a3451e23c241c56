package media

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lobby is where a loop without media waits: its epoll instance is itself a file of the Go runtime's poller, so the goroutine is parked
// as one that reads a socket is. Commands from calls without media, of which there are many while phones ring, cost no system call then.
type lobby struct {
	file  *os.File // the epoll instance
	conn  syscall.RawConn
	taken atomic.Bool // the loop sits here, or is about to
}

// past is a deadline that has passed: setting it calls the loop.
var past = time.Unix(1, 0)

func (b *lobby) open(epoll int) error {
	if err := unix.SetNonblock(epoll, true); err != nil { // or os.File would not poll it
		return fmt.Errorf("media: epoll: %w", err)
	}
	b.file = os.NewFile(uintptr(epoll), "epoll")
	if err := b.file.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("media: epoll in the poller: %w", err)
	}
	var err error
	b.conn, err = b.file.SyscallConn()
	return err
}

// sit waits until a socket has something, somebody calls, or ms milliseconds have passed; -1 is for ever.
func (b *lobby) sit(l *loop, ms int) (n int, err error) {
	var due time.Time
	if ms >= 0 {
		due = time.Now().Add(time.Duration(ms) * time.Millisecond)
	}
	if err := b.file.SetReadDeadline(due); err != nil {
		return 0, err
	}
	b.taken.Store(true)
	defer b.taken.Store(false)
	if l.inbox.rung.Load() { // before the loop sat down: that bell was for the eventfd, or for nobody
		return b.look(l)
	}
	runtime.UnlockOSThread()
	defer runtime.LockOSThread()
	readErr := b.conn.Read(func(uintptr) bool {
		n, err = b.look(l)
		return n > 0 || err != nil
	})
	if readErr != nil && !errors.Is(readErr, os.ErrDeadlineExceeded) {
		return 0, readErr
	}
	return n, err
}

// look asks epoll without waiting, and without the scheduler: a system call that it sees wakes its monitor for a millisecond.
func (b *lobby) look(l *loop) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), 0, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, errno
}

// call ends the loop's wait and reports whether it was sitting here. A call that comes as the loop gets up does no harm.
func (b *lobby) call() bool {
	return b.taken.Load() && b.file.SetReadDeadline(past) == nil
}

// close closes the epoll instance.
func (b *lobby) close(epoll int) {
	if b.file == nil {
		closeFD(epoll)
		return
	}
	_ = b.file.Close() // nothing is buffered that could fail
}
