package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"drawbridge/config"
)

// errRestart refuses a configuration that changes what was settled at the start.
var errRestart = errors.New("needs a restart, and nothing of the new configuration is in force")

// fixed are the keys that cannot change while the gateway runs, with their values.
var fixed = []struct {
	key string
	of  func(*config.Snapshot) any
}{
	{"web.listen", func(s *config.Snapshot) any { return s.Web.Listen }},
	{"web.plain", func(s *config.Snapshot) any { return s.Web.Plain }},
	{"web.realm", func(s *config.Snapshot) any { return s.Web.Realm }},
	{"admin", func(s *config.Snapshot) any { return s.Admin }},
	{"users.domain", func(s *config.Snapshot) any { return s.Users.Domain }}, // the digest realm of every phone
	{"cdr.file", func(s *config.Snapshot) any { return s.CDR }},
	{"log", func(s *config.Snapshot) any { return s.Log }},
	{"shield.entries", func(s *config.Snapshot) any { return s.Shield.Entries }},
	{"shield.sources", func(s *config.Snapshot) any { return s.Shield.Sources }},
	{"shield.file", func(s *config.Snapshot) any { return s.Shield.File }},
	{"shield.nftables", func(s *config.Snapshot) any { return s.Shield.NFTables }},
}

// changeable says which keys of a new configuration need a restart, all of them. Error: errRestart.
func (g *gateway) changeable(old, next *config.Snapshot) error {
	var keys []string
	for _, f := range fixed {
		if !reflect.DeepEqual(f.of(old), f.of(next)) {
			keys = append(keys, f.key)
		}
	}
	if next.Limits.Transcodes == 0 && old.Limits.Transcodes != 0 && g.measured.Load() == 0 {
		keys = append(keys, "limits.transcodes") // it is measured at the start, on a machine that has nothing else to do
	}
	for _, name := range slices.Sorted(maps.Keys(old.Realms)) {
		was, is := old.Realms[name], next.Realms[name]
		keys = append(keys, fixedInRealm("realms."+name, was, is)...)
	}
	for _, name := range slices.Sorted(maps.Keys(next.Realms)) {
		if _, known := old.Realms[name]; !known && next.Realms[name].Browsers() {
			keys = append(keys, "realms."+name+".media.udp")
		}
		for i, l := range next.Realms[name].Listen {
			if whose := listensAt(old, l); whose != "" && whose != name {
				keys = append(keys, fmt.Sprintf("realms.%s.listen[%d] (%s:%s is realm %s's)", name, i, l.Network, l.Addr, whose))
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.Join(keys, ", "), errRestart)
}

// fixedInRealm are the keys of a realm. What its sockets are marked with, and are announced as, is settled when they are opened.
func fixedInRealm(at string, was, is config.Realm) (keys []string) {
	if was.Browsers() && (!is.Browsers() || *was.Media.UDP != *is.Media.UDP) {
		keys = append(keys, at+".media.udp")
	}
	if was.Browsers() && is.Browsers() && bound(was.Media) != bound(is.Media) {
		keys = append(keys, at+".media.bind")
	}
	stays := slices.ContainsFunc(is.Listen, func(l config.Listen) bool { return slices.Contains(was.Listen, l) })
	marked := stays && was.DSCP.Signalling != is.DSCP.Signalling
	if marked || was.Browsers() && is.Browsers() && was.DSCP != is.DSCP {
		keys = append(keys, at+".dscp")
	}
	if stays && announced(was.Media) != announced(is.Media) {
		keys = append(keys, at+".media.advertise")
	}
	return keys
}

// listensAt is the realm that listens at an address; "": none does.
func listensAt(snap *config.Snapshot, l config.Listen) string {
	for name, r := range snap.Realms {
		if l.Addr.Port() != 0 && slices.Contains(r.Listen, l) {
			return name
		}
	}
	return ""
}
