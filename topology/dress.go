package topology

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"drawbridge/policy/profile"
	"drawbridge/sip/wire"
)

// Dress turns the skeleton m of an INVITE, as Invite has made it, into what the peer's profile asks for. in is the caller's INVITE, t what
// it was read to say. A nil profile changes nothing.
func Dress(m, in *wire.Message, t Told, far Far, p *profile.Profile) {
	if p == nil {
		return
	}
	d := dresser{m: m, told: t, far: far, p: p, id: p.Identity, private: far.Private || Private(in)}
	d.called = p.NumberOut(far.Target.User)
	d.caller = p.NumberOut(far.Caller)
	if urgent, ok := p.Emergency(far.Target.User); ok {
		d.called, d.emergency, d.private = urgent, true, false
	}
	d.identify()
	d.address()
	d.forwarded()
	d.extras(in)
}

// dresser is one INVITE on its way to a peer.
type dresser struct {
	m         *wire.Message
	told      Told
	far       Far
	p         *profile.Profile
	id        profile.Identity
	called    string // in the peer's form
	caller    string
	private   bool
	emergency bool
}

// identify writes who calls: From, the header of id.out, and the wish not to be named.
func (d *dresser) identify() {
	m := d.m
	m.Del("Privacy")
	from := wire.Addr{Display: d.name(), URI: d.number(d.caller)}
	anon := from
	switch {
	case !d.private:
	case d.id.CLIROut == "prefix":
		d.called = clirPrefix + d.called
	case d.id.CLIROut == "rpid":
		anon = anonymous()
	default:
		m.Add("Privacy", "id")
		anon = anonymous()
	}
	if d.id.Verstat == "keep" && d.told.Verstat != "" && !d.private {
		anon.URI.User += ";verstat=" + d.told.Verstat
	}
	m.From = anon
	d.assert(from)
}

// assert adds the header of id.out: nothing for a caller who is not to be named, unless the peer hides it itself.
func (d *dresser) assert(from wire.Addr) {
	header := idHeaders[d.id.IDOut]
	if header == "" || d.private && !d.id.CLIRKeep && d.id.CLIROut != "rpid" {
		return
	}
	if d.id.NoScreening {
		from.URI = d.number(d.p.NumberOut(d.id.IDNumber))
	}
	if d.id.IDOut != "rpid" {
		from.URI = d.form(from.URI, false)
		d.m.Add(header, from.String())
		return
	}
	privacy := "off"
	if d.private {
		privacy = "full"
	}
	from.Params = wire.Params{{Name: "party", Value: "calling"}, {Name: "screen", Value: "yes"}, {Name: "privacy", Value: privacy}}
	d.m.Add(header, from.String())
}

// address writes who is called. Parameters of portability say where the call really goes and who carries it, so only another network's are
// believed: an account that could name a routing number or a carrier would be served past everything that judges what it dials.
func (d *dresser) address() {
	to := d.number(d.called)
	if urn, ok := strings.CutPrefix(d.called, "urn:"); ok {
		d.m.URI = wire.URI{Scheme: "urn", Opaque: urn}
		d.m.To = wire.Addr{URI: d.m.URI}
		return
	}
	if d.id.UserParams == "keep" && d.told.Transit && isNumber(d.called) {
		for _, q := range d.told.Params {
			to.User += ";" + q.Name
			if q.Value != "" {
				to.User += "=" + q.Value
			}
		}
	}
	tel := d.id.Tel == "to_tel" || d.id.Tel == "keep" && d.told.Tel
	target := d.m.URI
	target.User = to.User
	d.userPhone(&target)
	if d.far.Callee != d.far.Target.User { // To stays who was dialled
		to = d.number(d.p.NumberOut(d.far.Callee))
	}
	if tel {
		target, to = telOf(target), telOf(to)
	}
	d.m.URI, d.m.To = target, wire.Addr{URI: to}
}

// forwarded writes by whom the call was forwarded.
func (d *dresser) forwarded() {
	all := d.told.Diversions
	if d.far.Callee != "" && d.far.Callee != d.far.Target.User {
		all = append([]Diversion{{d.far.Callee, "unconditional"}}, all...)
	}
	if d.id.DivOwn != "" && d.told.Transit {
		reason := "unconditional"
		if len(all) > 0 {
			reason = all[0].Reason
		}
		all = append([]Diversion{{d.id.DivOwn, reason}}, all...)
	}
	limit := d.id.DivMax
	if limit == 0 {
		limit = 5
	}
	if all = all[:min(len(all), limit)]; len(all) == 0 {
		return
	}
	addDiversions(d.m, d.id.DivOut, all, d.number(d.called), d.diverter)
}

// diverter is somebody who has forwarded the call, as the peer may see it.
func (d *dresser) diverter(user string) wire.URI {
	if user == unnamed {
		return anonymous().URI
	}
	return d.number(d.p.NumberOut(user))
}

// extras are the headers that cross by name or by meaning.
func (d *dresser) extras(in *wire.Message) {
	addUUI(d.m, d.id.UUI, d.told.UUI, d.id.UUIMax)
	if d.id.STIR == "pass" && !d.private {
		for i, v := range d.told.Identity {
			if i < maxIdentities && signedFor(v, d.caller, d.called) {
				d.m.Add("Identity", v)
			}
		}
	}
	if d.emergency {
		for _, h := range d.id.EmergencyLocation {
			d.m.Add(h.Name, h.Value)
		}
	}
	for _, name := range d.p.Wire.Pass {
		for _, v := range in.Values(name) {
			d.m.Add(name, v)
		}
	}
}

// number is a number of the far side as a URI of it.
func (d *dresser) number(user string) wire.URI {
	u := wire.URI{Scheme: "sip", User: user, Host: d.far.Host}
	d.userPhone(&u)
	return u
}

func (d *dresser) userPhone(u *wire.URI) {
	switch number, _, _ := strings.Cut(u.User, ";"); {
	case d.id.UserPhone == "add" && isNumber(number):
		u.Params.Set("user", "phone")
	case d.id.UserPhone == "strip":
		u.Params.Del("user")
	}
}

// form is a number's URI as the peer wants identities.
func (d *dresser) form(u wire.URI, keep bool) wire.URI {
	if d.id.Tel == "to_tel" || keep && d.id.Tel == "keep" && d.told.Tel {
		return telOf(u)
	}
	return u
}

// telOf is a sip: URI of a global number as a tel: URI; others stay: a local number would need a context (RFC 3966 section 5.1.5).
func telOf(u wire.URI) wire.URI {
	number, params, _ := strings.Cut(u.User, ";")
	if !strings.HasPrefix(number, "+") || !isNumber(number) {
		return u
	}
	return wire.URI{Scheme: "tel", Opaque: number, Params: userParams(params)}
}

// isNumber tells a number from a name.
func isNumber(s string) bool {
	rest := strings.TrimPrefix(s, "+")
	return rest != "" && strings.Trim(rest, "0123456789*#") == ""
}

// name is the caller's display name for the peer.
func (d *dresser) name() string {
	limit := d.id.DisplayAt
	if limit == 0 {
		limit = displayLimit
	}
	switch name := d.told.Display; d.id.Display {
	case "drop":
		return ""
	case "ascii":
		return cut(plain(ascii(name)), limit)
	default:
		return cut(plain(name), limit)
	}
}

// cut shortens a name to so many characters.
func cut(s string, limit int) string {
	for i := range s {
		if limit == 0 {
			return strings.TrimSpace(s[:i])
		}
		limit--
	}
	return s
}

// letters are the letters of Latin scripts that have a common spelling in ASCII.
var letters = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "æ", "ae", "Æ", "Ae", "œ", "oe", "Œ", "Oe", "ø", "o", "Ø", "O", "å", "a", "Å", "A",
	"à", "a", "á", "a", "â", "a", "ã", "a", "À", "A", "Á", "A", "Â", "A", "Ã", "A", "ç", "c", "Ç", "C", "č", "c", "ć", "c", "Č", "C", "Ć", "C", "ď", "d", "đ", "d", "Đ", "D",
	"è", "e", "é", "e", "ê", "e", "ë", "e", "ě", "e", "ę", "e", "È", "E", "É", "E", "Ê", "E", "Ë", "E", "ğ", "g", "Ğ", "G", "ì", "i", "í", "i", "î", "i", "ï", "i", "ı", "i",
	"Í", "I", "İ", "I", "ł", "l", "Ł", "L", "ñ", "n", "ń", "n", "ň", "n", "Ñ", "N", "ò", "o", "ó", "o", "ô", "o", "õ", "o", "ő", "o", "Ó", "O", "Ô", "O", "ř", "r", "Ř", "R",
	"š", "s", "ś", "s", "ş", "s", "Š", "S", "Ś", "S", "Ş", "S", "ť", "t", "ț", "t", "ù", "u", "ú", "u", "û", "u", "ů", "u", "ű", "u", "Ú", "U", "ý", "y", "ÿ", "y", "Ý", "Y",
	"ž", "z", "ź", "z", "ż", "z", "Ž", "Z", "Ź", "Z", "Ż", "Z", "’", "'", "–", "-", "—", "-",
)

// ascii spells a name without accents; one in another script has no such spelling, and is dropped.
func ascii(s string) string {
	s = letters.Replace(s)
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf || !unicode.IsPrint(r) }) {
		return ""
	}
	return s
}
