package web

import (
	"errors"
	"net"
	"net/netip"

	"github.com/gorilla/websocket"

	"drawbridge/b2bua"
)

// The answers to a hello that is not accepted. An unknown user and a wrong password get the same one.
var (
	faultRefused = &fault{status: 401, reason: "user or password is wrong"}
	faultVersion = &fault{status: 505, reason: "version 1 is spoken here"}
	faultBlocked = &fault{status: 429, reason: "too many attempts, try again in a minute"}
	faultFormer  = &fault{status: 401, reason: "the password has changed: sign in again"}
	faultLines   = &fault{status: 429, reason: "too many pages of this account are open"}
)

// hello waits until the client has said who it is: the first message, within 15 s, three tries. It sets the line's user.
func (s *Server) hello(l *line, src netip.Prefix) bool {
	if err := l.conn.SetReadDeadline(now().Add(s.helloWait)); err != nil {
		return false
	}
	for range helloTries {
		m, err := l.read()
		if err == nil {
			err = s.judge(m, src)
		}
		var f *fault
		switch {
		case err == nil:
			l.user, l.password = m.User, m.Password
			return true
		case errors.As(err, &f):
			s.refused("json-hello", l.from, f.reason)
			l.sendFault(f)
			if f == faultBlocked {
				l.leave(leaving{websocket.ClosePolicyViolation, "too many attempts"})
				return false
			}
		default:
			s.helloLost(l, err)
			return false
		}
	}
	l.leave(leaving{websocket.ClosePolicyViolation, "hello expected"})
	return false
}

// judge looks at one hello. Only failures are counted against the source, and a source that is out of credit is not looked at.
func (s *Server) judge(m message, src netip.Prefix) error {
	if s.failed.blocked(src, now()) {
		return faultBlocked
	}
	if err := s.checkHello(m); err != nil {
		s.failed.add(src, now())
		return err
	}
	return nil
}

func (s *Server) checkHello(m message) error {
	switch {
	case m.Type != typeHello:
		return &fault{status: 401, reason: "hello expected first", call: m.Call}
	case m.V != signalVersion:
		return faultVersion
	case m.User == "" || len(m.User) > maxUser || len(m.Password) > maxUser || !s.cfg.CheckPassword(m.User, m.Password):
		return faultRefused
	}
	return nil
}

// helloLost ends a connection that went away or stayed silent.
func (s *Server) helloLost(l *line, err error) {
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		s.refused("json-hello", l.from, "no hello in time")
		l.leave(leaving{websocket.ClosePolicyViolation, "no hello within 15 s"})
		return
	}
	l.leaveFor(err)
}

var _ b2bua.Line = (*line)(nil)
