package media

import "errors"

var (
	// ErrNoPorts says that a realm's port range is used up, or that no port of it could be bound.
	ErrNoPorts = errors.New("media: no free port pair")
	// ErrNoRealm says that the realm does not exist or has no sockets for the profile asked for.
	ErrNoRealm = errors.New("media: no such realm")
	// ErrClosed says that the session or the engine has ended.
	ErrClosed = errors.New("media: closed")
	// ErrWildcard says that a browser address is not concrete.
	ErrWildcard = errors.New("media: address must be concrete")
	// ErrPortRange says that PortMin and PortMax do not make a range.
	ErrPortRange = errors.New("media: not a port range")
	// ErrFixed says that the sockets of browsers cannot change while the engine runs.
	ErrFixed = errors.New("media: the browsers' sockets are those of the start")
	// ErrPublic says that what a STUN server answered cannot be announced to peers.
	ErrPublic = errors.New("media: not a public address")
)

var (
	errCodec       = errors.New("media: no conversion between these codecs")
	errFingerprint = errors.New("media: certificate does not match a=fingerprint")
	errProfile     = errors.New("media: no SRTP profile in common")
)
