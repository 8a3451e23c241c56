package caller

import (
	"github.com/icholy/digest"

	"drawbridge/sip/wire"
)

// challenged tells whether a response asks for credentials.
func challenged(m *wire.Message) bool { return m.Status == 401 || m.Status == 407 }

// authorize answers the first challenge of resp that this side understands (RFC 3261 section 22, RFC 8760) in req, which is sent again.
func (c *call) authorize(req, resp *wire.Message) error {
	ask, reply := "WWW-Authenticate", "Authorization"
	if resp.Status == 407 {
		ask, reply = "Proxy-Authenticate", "Proxy-Authorization"
	}
	for _, value := range resp.Values(ask) {
		ch, err := digest.ParseChallenge(value)
		if err != nil || !digest.CanDigest(ch) {
			continue
		}
		cred, err := digest.Digest(ch, digest.Options{
			Method: string(req.Method), URI: req.URI.String(), Username: c.cfg.User, Password: c.cfg.Password, Count: 1,
		})
		if err != nil {
			continue
		}
		req.Set(reply, cred.String())
		req.CSeq.Seq++
		return nil
	}
	return ErrChallenge
}
