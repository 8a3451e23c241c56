package main

const (
	noAddress = "no SIP version, no Via and no CSeq: no answer could be addressed"
	noEnd     = "the end of the message has not come: it is waited for, 15 s"
)

// excuses are the messages that hear nothing although an answer is wanted, by corpus, file and transport. docs/torture.md has the same
// table for the reader; a test compares them.
var excuses = map[string]string{
	"rfc4475/test.dat udp":          noAddress,
	"rfc4475/test.dat tcp":          noAddress,
	"rfc4475/test.dat tls":          noAddress,
	"rfc4475/clerr.dat tls":         noEnd,
	"rfc4475/baddn-archive.dat tls": noEnd,
	"rfc4475/test.dat ws":           noAddress,
	"rfc4475/clerr.dat tcp":         noEnd,
	"rfc4475/baddn-archive.dat tcp": noEnd,
}
