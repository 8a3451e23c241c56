//go:build !amd64

package srtp

const hasAES = false

func expand(*roundKeys, *[KeySize]byte) {}
func encrypt(*roundKeys, *blocks)       {}
