package b2bua

import (
	"testing"

	"drawbridge/media"
)

// TestDTMFReachesMedia: what a trunk takes is what media and the offer machine are told.
func TestDTMFReachesMedia(t *testing.T) {
	for _, row := range []struct {
		way       DTMF
		side      media.DTMF
		informs   bool
		eventless bool
	}{
		{DTMFAuto, media.DTMFAuto, false, false},
		{DTMFEvents, media.DTMFEvents, false, false},
		{DTMFRelay, media.DTMFSignal, true, true},
		{DTMFPlain, media.DTMFSignal, true, true},
		{DTMFTones, media.DTMFTones, false, true},
	} {
		c := Settings{Realms: map[string]Realm{"carrier": {Name: "carrier"}}}
		p := c.party(&Trunk{Name: "acme", Realm: "carrier", DTMF: row.way})
		if got := p.mediaSide().DTMF; got != row.side || p.DTMF.informs() != row.informs || p.DTMF.eventless() != row.eventless {
			t.Errorf("%d: media %s, informs %v, eventless %v", row.way, got, p.DTMF.informs(), p.DTMF.eventless())
		}
	}
}
