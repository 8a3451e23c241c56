package txn

import (
	"slices"
	"testing"
)

// aliasFlow notes where its peer says that it listens.
type aliasFlow struct {
	*fakeFlow
	ports []uint16
}

func (f *aliasFlow) Alias(port uint16) { f.ports = append(f.ports, port) }

// TestAlias: the parameter of the topmost Via counts, with its port or the transport's own (RFC 5923 section 8).
func TestAlias(t *testing.T) {
	c, err := New(Config{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := &aliasFlow{fakeFlow: newFakeFlow("198.51.100.1:33333", true)}
	for _, via := range []string{
		"SIP/2.0/TLS peer.example:5070;branch=z9hG4bK1;alias", "SIP/2.0/TLS peer.example;branch=z9hG4bK2;alias",
		"SIP/2.0/TCP peer.example;alias;branch=z9hG4bK3", "SIP/2.0/TLS peer.example:5080;branch=z9hG4bK4",
	} {
		c.Receive(f, []byte("OPTIONS sip:x SIP/2.0\r\nVia: "+via+"\r\nVia: SIP/2.0/TLS far.example:1;branch=z9hG4bKf;alias\r\n"+
			"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"))
	}
	if want := []uint16{5070, 5061, 5060}; !slices.Equal(f.ports, want) {
		t.Errorf("ports %v, want %v", f.ports, want)
	}
}
