package main

import (
	"drawbridge/b2bua"
	"drawbridge/config"
	"drawbridge/policy/limit"
	"drawbridge/policy/number"
	"drawbridge/policy/route"
	"drawbridge/sip/wire"
)

// limits are those of the gateway, its realms and its accounts; trunks bring their own.
func (g *gateway) limits(snap *config.Snapshot) b2bua.Limits {
	l := snap.Limits
	out := b2bua.Limits{
		Gateway: reserving(snap, l.Bounds()), Realms: map[string]limit.Bounds{}, Requests: map[string]b2bua.RequestRates{}, Account: accountLimits(snap),
		Number: limit.Bounds{Calls: l.Number.Calls}, Emergency: emergencies(l.Emergency.Numbers), EmergencyRate: l.Emergency.CPS.Rate,
		Transcodes: func() int { return int(g.slots.Load()) }, Form: oneForm(snap),
	}
	for name, r := range snap.Realms {
		out.Realms[name] = reserving(snap, r.Limits.Bounds())
		if r.Limits.Requests() {
			out.Requests[name] = requestRates(r.Limits)
		}
	}
	return out
}

// oneForm is how numbers are counted: 0049, +49 and 0 in front of a number are one in a realm of Germany.
func oneForm(snap *config.Snapshot) func(realm, dialled string) string {
	plans := map[string]number.Plan{}
	for name := range snap.Realms {
		plans[name] = snap.Numbers.Plan(name)
	}
	return func(realm, dialled string) string {
		if normal, ok := number.Normal(dialled, plans[realm]); ok {
			return normal
		}
		return dialled
	}
}

func requestRates(l config.RealmLimits) b2bua.RequestRates {
	out := b2bua.RequestRates{Source: l.Source.Rate, Connection: l.Connection.Rate, Methods: map[wire.Method]limit.Rate{}}
	for method, rate := range l.Methods {
		out.Methods[wire.Method(method)] = rate.Rate
	}
	return out
}

// reserving leaves a part of what many share to emergency calls.
func reserving(snap *config.Snapshot, b limit.Bounds) limit.Bounds {
	b.Reserve = snap.Limits.Emergency.Reserved()
	return b
}

func accountLimits(snap *config.Snapshot) func(user string) limit.Bounds {
	by := map[string]limit.Bounds{}
	for _, u := range snap.Users.Local {
		own := u.Limits
		if !own.Set() {
			own = snap.Limits.Account
		}
		by[u.Name] = own.Bounds()
	}
	return func(user string) limit.Bounds { return by[user] }
}

// emergencies tells emergency numbers from others.
func emergencies(numbers []string) func(number string) bool {
	known := map[string]bool{}
	for _, n := range numbers {
		known[route.Normal(n)] = true
	}
	return func(number string) bool { return known[number] }
}
