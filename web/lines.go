package web

import (
	"cmp"
	"slices"
	"sync"

	"drawbridge/b2bua"
)

// lines are the authenticated JSON lines by account, those that can be rung.
type lines struct {
	mu sync.Mutex
	by map[string][]*line // guarded by mu
}

// add reports false when the account has as many lines as it may have.
func (ls *lines) add(l *line) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.by[l.user]) >= linesPerUser {
		return false
	}
	if ls.by == nil {
		ls.by = make(map[string][]*line)
	}
	ls.by[l.user] = append(ls.by[l.user], l)
	return true
}

func (ls *lines) remove(l *line) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	rest := slices.DeleteFunc(ls.by[l.user], func(other *line) bool { return other == l })
	if len(rest) == 0 {
		delete(ls.by, l.user)
		return
	}
	ls.by[l.user] = rest
}

// dismiss makes a line one of the past.
func (ls *lines) dismiss(l *line) {
	l.former.Store(true)
	ls.remove(l)
}

// judge dismisses every line that is good for nothing any more.
func (ls *lines) judge(good func(user, password string) bool) {
	ls.mu.Lock()
	var all []*line
	for _, of := range ls.by {
		all = append(all, of...)
	}
	ls.mu.Unlock()
	for _, l := range all {
		if !good(l.user, l.password) {
			ls.dismiss(l)
		}
	}
}

// of returns the lines of an account, oldest first.
func (ls *lines) of(user string) []b2bua.Line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	out := make([]b2bua.Line, 0, len(ls.by[user]))
	for _, l := range ls.by[user] {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b b2bua.Line) int { return cmp.Compare(a.ID(), b.ID()) })
	return out
}
