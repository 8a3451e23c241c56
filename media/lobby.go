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

// lobby is where a loop without media waits: its epoll instance is watched by the Go runtime's poller, so the goroutine is parked
// as one that reads a socket is. Commands from calls without media, of which there are many while phones ring, cost no system call then.
//
// The poller watches an epoll instance of the lobby's own, which has the loop's in it only while the loop has no media: every packet would
// wake a thread of the poller as well, for nothing.
type lobby struct {
	epoll int      // the lobby's
	file  *os.File // the same
	conn  syscall.RawConn
	open  bool        // the loop's epoll instance is in the lobby's
	taken atomic.Bool // the loop sits here, or is about to

	// Of the wait that is on.
	look func(uintptr) bool // for conn: asks whether it has an end
	n    int
	err  error
}

// past is a deadline that has passed: setting it calls the loop.
var past = time.Unix(1, 0)

func (b *lobby) build(l *loop) error {
	var err error
	if b.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("media: epoll: %w", err)
	}
	if err := unix.SetNonblock(b.epoll, true); err != nil { // or os.File would not poll it
		closeFD(b.epoll)
		return fmt.Errorf("media: epoll: %w", err)
	}
	b.file = os.NewFile(uintptr(b.epoll), "epoll")
	if err := b.file.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("media: epoll in the poller: %w", err)
	}
	b.look = func(uintptr) bool {
		b.n, b.err = b.peek(l)
		return b.n > 0 || b.err != nil
	}
	b.conn, err = b.file.SyscallConn()
	return err
}

// enter makes what the loop's sockets hear call it here.
func (b *lobby) enter(epoll int) error {
	if b.open {
		return nil
	}
	b.open = true
	return unix.EpollCtl(b.epoll, unix.EPOLL_CTL_ADD, epoll, &unix.EpollEvent{Events: unix.EPOLLIN})
}

// leave is for a loop that waits by itself from now on.
func (b *lobby) leave(epoll int) {
	if b.open {
		b.open = false
		_ = unix.EpollCtl(b.epoll, unix.EPOLL_CTL_DEL, epoll, nil) // it is there
	}
}

// sit waits until a socket has something, somebody calls, or ms milliseconds have passed; -1 is for ever.
func (b *lobby) sit(l *loop, ms int) (int, error) {
	var due time.Time
	if ms >= 0 {
		due = time.Now().Add(time.Duration(ms) * time.Millisecond)
	}
	if err := errors.Join(b.file.SetReadDeadline(due), b.enter(l.epoll)); err != nil {
		return 0, err
	}
	b.taken.Store(true)
	defer b.taken.Store(false)
	if l.inbox.rung.Load() || l.inbox.waiting() { // before the loop sat down: that bell was for the eventfd, or for nobody
		return b.peek(l)
	}
	runtime.UnlockOSThread()
	defer runtime.LockOSThread()
	b.n, b.err = 0, nil
	if err := b.conn.Read(b.look); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, err
	}
	return b.n, b.err
}

// peek asks epoll without waiting, and without the scheduler: a system call that it sees wakes its monitor for a millisecond.
func (b *lobby) peek(l *loop) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), 0, 0, 0)
	if errno == unix.EINTR {
		return 0, nil
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// call ends the loop's wait and reports whether it was sitting here. A call that comes as the loop gets up does no harm.
func (b *lobby) call() bool {
	return b.taken.Load() && b.file.SetReadDeadline(past) == nil
}

// close closes the lobby's epoll instance.
func (b *lobby) close() {
	if b.file != nil {
		_ = b.file.Close() // nothing is buffered that could fail
	}
}
