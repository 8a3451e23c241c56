package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"drawbridge/tests/gateway"
	"drawbridge/tests/scene"
)

// mix is one kind of call and how many of a hundred calls it is.
type mix struct {
	name   string // file of tests/sipp/scenes
	share  float64
	values map[string]string
	over   string // "tcp"; "" is UDP

	outside bool // no call, so no call record

	scene  *scene.Scene
	number string
	hosts  map[string]netip.AddrPort // by role
}

var kinds = []mix{
	{name: "answered", share: 15},
	{name: "answered", share: 5, over: "tcp"},
	{name: "talk", share: 12, values: map[string]string{"ms": "3000"}},
	{name: "callee_hangs_up", share: 15},
	{name: "early_media", share: 5},
	{name: "late_offer", share: 3},
	{name: "hold", share: 5, values: map[string]string{"form": "a=sendonly", "more": "", "want": "a=recvonly"}},
	{name: "update_refresh", share: 2},
	{name: "reliable_183", share: 3},
	{name: "record_route", share: 2},
	{name: "refused", share: 8, values: map[string]string{"status": "486", "told": "486"}},
	{name: "refused", share: 5, values: map[string]string{"status": "404", "told": "404"}},
	{name: "cancel_ringing", share: 8},
	{name: "bye_early", share: 2},
	{name: "cancel_crosses_answer", share: 2},
	{name: "prack_holds_answer", share: 3},
	{name: "message", share: 3, outside: true},
	{name: "subscribe", share: 2, outside: true},
}

// lay gives every kind its addresses and number, and the gateway its trunks and routes.
func lay() ([]*mix, gateway.Config, error) {
	cfg := gateway.Config{Ports: 5900, Calls: 20_000, Pprof: true} // 20000-31799: below the system's own ports
	var all []*mix
	for i := range kinds {
		m := &kinds[i]
		s, err := scene.Read(filepath.Join(gateway.Root(), "tests", "sipp", "scenes", m.name+".xml"))
		if err != nil {
			return nil, cfg, err
		}
		m.scene, m.number, m.hosts = s, fmt.Sprintf("+4970%04d", i), map[string]netip.AddrPort{}
		var via []string
		for j, role := range s.Roles() {
			host := netip.AddrFrom4([4]byte{127, 0, byte(24 + j), byte(1 + i)})
			port, err := gateway.FreePort(host)
			if err != nil {
				return nil, cfg, err
			}
			m.hosts[role] = netip.AddrPortFrom(host, uint16(port))
			name := fmt.Sprintf("k%d-%s", i, role)
			cfg.Trunks = append(cfg.Trunks, gateway.Trunk{Name: name, Target: m.hosts[role], Transport: m.over})
			if role != "caller" {
				via = append(via, name)
			}
		}
		cfg.Routes = append(cfg.Routes, gateway.Route{From: "carrier", To: m.number, Via: strings.Join(via, ", ")})
		all = append(all, m)
	}
	return all, cfg, nil
}
