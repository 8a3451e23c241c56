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

// TestRangesOfPBXs: an account's number comes before a range, the longer range before a shorter one.
func TestRangesOfPBXs(t *testing.T) {
	snap := &config.Snapshot{Config: config.Config{Users: config.Users{Local: []config.User{
		{Name: "hq", PBX: []string{"+4930555*"}},
		{Name: "lab", PBX: []string{"+49305559*"}},
		{Name: "desk", Numbers: []string{"+493055591"}},
	}}}}
	of, pbx := accounts(snap), pbxs(snap)
	for number, want := range map[string]string{
		"+4930555": "hq", "+493055512": "hq", "+49305559": "lab", "+4930555922": "lab", "+493055591": "desk", "+4930555911": "lab",
		"+493055": "", "4930555": "", "": "", "lab": "lab",
	} {
		if user, ok := of(number); user != want || ok != (want != "") {
			t.Errorf("%q leads to %q, want %q", number, user, want)
		}
	}
	if !pbx("hq") || pbx("desk") || pbx("nobody") {
		t.Error("who is a PBX")
	}
}
