package config

import "net/url"

func (r *Report) checkWeb(c *Config) {
	at := path{"web"}
	for i, l := range c.Web.Plain {
		if !l.Loopback() {
			r.Addf(at.at("plain", i), "%s: a listener without TLS must be on loopback: browsers give the microphone to no other", l)
		}
	}
	if (c.Web.TLS.Cert == "") != (c.Web.TLS.Key == "") {
		r.Addf(at.at("tls"), "a certificate needs both cert and key")
	}
	for i, o := range c.Web.Origins {
		if u, err := url.Parse(o); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.String() != u.Scheme+"://"+u.Host {
			r.Addf(at.at("origins", i), "%q is not an origin such as https://www.example.com", o)
		}
	}
	realm, ok := c.Realms[c.Web.Realm]
	switch {
	case !ok:
		r.Addf(at.at("realm"), "%s", noSuch("realm", c.Web.Realm, c.Realms))
	case !realm.Browsers():
		r.Addf(at.at("realm"), "realm %s has no media.udp, so no browser can send media to it", c.Web.Realm)
	}
}

func (r *Report) checkAdmin(a Admin) {
	if a.Listen != Off && !a.Listen.Loopback() && !a.Remote {
		r.Addf(path{"admin", "listen"}, "%s is not loopback: everybody who reaches it may use it; set admin.remote to allow that", a.Listen)
	}
}
