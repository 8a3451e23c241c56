// Package transcode turns payloads into PCM and back. Decoders and encoders run at the far side's rate (8 kHz for G.711), mono:
// libopus resamples for free. No goroutine runs here; every value belongs to the loop that owns its call, and after New nothing
// allocates per frame.
//
//	api.go         Decoder, Encoder, New
//	g711.go        PCMU and PCMA from the formulas of ITU-T G.711
//	g722.go        the two sub-band predictors and the mirror filters of ITU-T G.722; g722tables.go
//	conceal.go     what stands in for a lost packet of these three
//	opus.go        libopus, the only cgo of the program; noopus.go stands in where it is built without
//	noise.go       comfort noise and its level
//	pool.go        encoders that wait for the next call
//	repacketise.go one packet time into another
//	playout.go     the play-out ring: packets in as they come, 20 ms of PCM out at every tick of the caller's clock; delays.go watches its depth,
//	               losses.go what is missing
//	cost.go        what a transcoded call costs on this machine
//	tone           sine source and tone detector
//
// RFC 3551 (G.711), RFC 6716 and RFC 7587 (Opus). Build with -tags nolibopusfile; -tags noopus or CGO_ENABLED=0 leave Opus out.
package transcode
