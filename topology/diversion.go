package topology

import (
	"net/url"
	"strconv"
	"strings"

	"drawbridge/sip/wire"
)

// Diversion is one forwarding on the way of a call: who forwarded it, and why, in the words of RFC 5806. Whoever is not to be named is
// anonymous from the start.
type Diversion struct{ User, Reason string }

// unnamed stands for somebody who has forwarded a call and is not to be named.
const unnamed = "anonymous"

// diverter is the user part of who has forwarded a call; hidden says that it is not to be told.
func diverter(u wire.URI, hidden bool) string {
	if hidden {
		return unnamed
	}
	user, _ := numberOf(u)
	return wire.Unescape(user)
}

// maxDiversions bounds what is read. Chosen here: networks end calls after five forwardings.
const maxDiversions = 20

// reasons translates between Diversion and History-Info (RFC 7544 section 7.3, table 1).
var reasons = []struct {
	word  string
	cause int
}{
	{"unconditional", 302}, {"user-busy", 486}, {"no-answer", 408}, {"deflection", 480}, {"deflection", 487}, {"unavailable", 503}, {"unknown", 404},
}

func reasonWord(cause int) string {
	for _, r := range reasons {
		if r.cause == cause {
			return r.word
		}
	}
	return "unknown"
}

func reasonCause(word string) int {
	for _, r := range reasons {
		if r.word == word {
			return r.cause
		}
	}
	return 404
}

// diversions reads Diversion headers (RFC 5806): the topmost is the newest.
func diversions(m *wire.Message) (all []Diversion) {
	hidden := historyPrivate(m)
	for _, v := range m.Values("Diversion") {
		a, err := wire.ParseAddr(v)
		if err != nil || len(all) == maxDiversions {
			continue
		}
		secret := strings.ToLower(a.Params.Get("privacy")) // section 6.1: full, name, uri, off
		user := diverter(a.URI, hidden || secret == "full" || secret == "uri")
		all = append(all, Diversion{user, reasonWord(reasonCause(strings.ToLower(a.Params.Get("reason"))))})
	}
	return all
}

// history reads History-Info (RFC 7044): each target of the call in turn. A cause in a target's URI (RFC 4458) says why the one before it
// was left, a Reason in the URI of the one that was left says the same in the older way; where both do, the cause is believed.
func history(m *wire.Message) (all []Diversion) {
	var before string
	told := false // the Reason of the one before is among all
	hidden := historyPrivate(m)
	for i, v := range m.Values("History-Info") {
		a, err := wire.ParseAddr(v)
		if err != nil || len(all) == maxDiversions {
			continue
		}
		user := diverter(a.URI, hidden || asks(inURI(a.URI.Headers, "Privacy"), "history"))
		cause, err := strconv.Atoi(a.URI.Params.Get("cause"))
		switch caused := err == nil && i > 0; {
		case caused && told:
			all[0].Reason = reasonWord(cause)
		case caused:
			all = append([]Diversion{{before, reasonWord(cause)}}, all...)
		}
		cause, told = reasonIn(inURI(a.URI.Headers, "Reason"), "SIP")
		if told = told && len(all) < maxDiversions; told {
			all = append([]Diversion{{user, reasonWord(cause)}}, all...)
		}
		before = user
	}
	return all
}

// inURI are the values of a header that stands behind the question mark of a URI.
func inURI(headers, name string) []string {
	q, err := url.ParseQuery(strings.ReplaceAll(headers, ";", "%3B"))
	if err != nil {
		return nil
	}
	for key, values := range q {
		if strings.EqualFold(key, name) {
			return values
		}
	}
	return nil
}

// addDiversions writes them, newest first, in a peer's form. target is who is called now; all hosts are the far side's own.
func addDiversions(m *wire.Message, form string, all []Diversion, target wire.URI, number func(string) wire.URI) {
	switch form {
	case "diversion":
		for i, d := range all {
			a := wire.Addr{URI: number(d.User)}
			a.Params.Set("reason", d.Reason)
			if i == 0 && len(all) > 1 {
				a.Params.Set("counter", strconv.Itoa(len(all)))
			}
			m.Add("Diversion", a.String())
		}
	case "hi":
		index := "1"
		for i := len(all) - 1; i >= -1; i-- {
			a := wire.Addr{URI: target}
			if i >= 0 {
				a.URI = number(all[i].User)
			}
			if i < len(all)-1 {
				a.URI.Params.Set("cause", strconv.Itoa(reasonCause(all[i+1].Reason)))
			}
			a.Params.Set("index", index)
			if i < len(all)-1 {
				a.Params.Set("mp", strings.TrimSuffix(index, ".1"))
			}
			m.Add("History-Info", a.String())
			index += ".1"
		}
	}
}
