// Package mediatest has the far ends that tests of media need: a phone that speaks plain RTP on a loopback port pair, and
// audio to send and to recognise. It does not know the media engine.
package mediatest
