package guard

import "errors"

// Errors of Add, Remove and New.
var (
	ErrEntry  = errors.New("not an entry of an access list")
	ErrTrunk  = errors.New("it covers a trunk")
	ErrWide   = errors.New("it covers too much")
	ErrFull   = errors.New("the access lists are full")
	ErrAbsent = errors.New("no such entry")
	ErrNFT    = errors.New("nft")
)
