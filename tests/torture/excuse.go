package main

// excuses are the messages that hear nothing although an answer is wanted, by corpus, file and transport. docs/torture.md has the same
// table for the reader; a test compares them.
var excuses = map[string]string{
	"rfc4475/test.dat udp": "no SIP version, no Via and no CSeq: no answer could be addressed",
	"rfc4475/test.dat ws":  "no SIP version, no Via and no CSeq: no answer could be addressed",
}
