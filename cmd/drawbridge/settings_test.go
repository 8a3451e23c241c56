package main

import (
	"reflect"
	"strings"
	"testing"

	"drawbridge/b2bua"
	"drawbridge/config"
)

// TestEveryWordOfDTMFMeansSomething of its own.
func TestEveryWordOfDTMFMeansSomething(t *testing.T) {
	f, _ := reflect.TypeFor[config.Trunk]().FieldByName("DTMF")
	seen := map[b2bua.DTMF]string{}
	for word := range strings.SplitSeq(f.Tag.Get("enum"), ",") {
		way, ok := dtmfs[word]
		if !ok || seen[way] != "" {
			t.Errorf("%q: %d, known %v, as %q", word, way, ok, seen[way])
		}
		seen[way] = word
	}
	snap := &config.Snapshot{Config: config.Config{Trunks: map[string]config.Trunk{"acme": {DTMF: "inband"}}}}
	if got := trunks(snap)[0].DTMF; got != b2bua.DTMFTones {
		t.Errorf("inband is %d", got)
	}
}
