package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ground is what belongs to one side of the border and may not be seen on the other.
type ground struct {
	texts   map[string]string // what is looked for, in lower case, by what it is
	numbers map[string]string // runs of digits that are looked for as a whole
}

func newGround() *ground { return &ground{map[string]string{}, map[string]string{}} }

// secret adds a text.
func (g *ground) secret(what, text string) {
	if text != "" {
		g.texts[strings.ToLower(text)] = what
	}
}

// number adds a number.
func (g *ground) number(what, digits string) { g.numbers[digits] = what }

// word adds what a side writes into everything that it makes up, in the codings that it is sent in.
func (g *ground) word(w string) {
	g.secret("word", w)
	g.secret("word in hex", hex.EncodeToString([]byte(w)))
	g.secret("word in base64", strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(w)), "="))
}

// spoken adds what the gateway is known by in a message to this side: the other side's dialog is another one.
func (g *ground) spoken(m *message) {
	g.secret("Call-ID of the other leg", m.get("Call-ID"))
	g.secret("tag of the other leg", param(m.get("From"), "tag"))
	g.secret("tag of the other leg", param(m.get("To"), "tag"))
	g.secret("branch of the other leg", param(m.get("Via"), "branch"))
	g.secret("Contact of the other leg", user(m.get("Contact")))
	for _, line := range []string{"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=ssrc:"} {
		g.secret(line+" of the other leg", after(m.body, line))
	}
	if f := strings.Fields(after(m.body, "o=")); len(f) > 1 && len(f[1]) >= minDigits {
		g.number("session of the other leg", f[1])
	}
}

// user is the user part of a Contact, if it is long enough to be a token.
func user(contact string) string {
	_, uri, _ := strings.Cut(inside(contact), ":")
	user, _, ok := strings.Cut(uri, "@")
	if !ok || len(user) < 8 {
		return ""
	}
	return user
}

// minDigits is how long a number is that cannot stand somewhere by chance.
const minDigits = 5

var runs = regexp.MustCompile(`\b\d{5,}\b`)

// leaks lists what of the ground is in a message of the other side.
func (g *ground) leaks(raw string) (found []string) {
	text := strings.ToLower(raw)
	for _, needle := range slices.Sorted(maps.Keys(g.texts)) {
		if strings.Contains(text, needle) {
			found = append(found, fmt.Sprintf("%s %q", g.texts[needle], needle))
		}
	}
	for _, digits := range runs.FindAllString(text, -1) {
		if what, ok := g.numbers[digits]; ok {
			found = append(found, fmt.Sprintf("%s %s", what, digits))
		}
	}
	return found
}

// control puts one thing of each kind into a message in turn, and lists the kinds that the scan then does not find.
func (g *ground) control(raw string) (missed []string) {
	tried := map[string]bool{}
	for _, all := range []map[string]string{g.texts, g.numbers} {
		for needle, what := range all {
			if tried[what] {
				continue
			}
			tried[what] = true
			at := len(raw) * (len(tried) % 7) / 7 // somewhere in it
			if len(g.leaks(raw[:at]+" "+strings.ToUpper(needle)+" "+raw[at:])) == 0 {
				missed = append(missed, what)
			}
		}
	}
	return missed
}
