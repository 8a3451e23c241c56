package main

import (
	"encoding/binary"
	"testing"
)

func TestMicrophoneIsTenSecondsOfSound(t *testing.T) {
	b := wav(1000)
	if got := binary.LittleEndian.Uint32(b[24:]); got != 48000 {
		t.Errorf("rate %d, want 48000", got)
	}
	if data := int(binary.LittleEndian.Uint32(b[40:])); data != len(b)-44 || data != 10*2*48000 {
		t.Errorf("data chunk of %d bytes in a file of %d", data, len(b))
	}
	loud := 0
	for i := 44; i < len(b); i += 2 {
		loud = max(loud, int(int16(binary.LittleEndian.Uint16(b[i:]))))
	}
	if loud < 9000 {
		t.Errorf("the loudest sample is %d", loud)
	}
}
