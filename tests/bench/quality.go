package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"drawbridge/tests/light"
	"drawbridge/transcode"
	"drawbridge/transcode/transcodetest"
)

// What a relay makes of the same speech, in both directions of one call: the segmental SNR of what comes out beside what was said.

const (
	phoneRate     = 8000
	ratio         = opusRate / phoneRate
	speechSeconds = 12
	speechSeed    = 5
	mostDelay     = 400 * time.Millisecond // of a relay and both codecs
	slack         = 0.3                    // dB that are no difference
)

// listening is speech through every relay. Ours must sound at least as near as the other.
func (b *bench) listening(ctx context.Context) error {
	said := transcodetest.Speech(speechSeconds, phoneRate, speechSeed)
	web, err1 := encode("opus", opusRate, finer(said))
	trunk, err2 := encode("PCMA", phoneRate, said)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var snr [2][2]float64 // by relay; towards the browser, towards the phone
	for i, r := range b.relays {
		f, err := newFarm(ctx, r, 1, "opus", sound{web: web, trunk: trunk}, b.phones)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name(), err)
		}
		f.pump.drainAll() // what is left of calls before
		var ears [2]ear
		f.pump.hear = func(_ int, web bool, packet []byte) {
			if web {
				ears[0].hear(packet)
			} else {
				ears[1].hear(packet)
			}
		}
		f.pump.to = math.MaxInt64
		if err := errors.Join(f.pump.run(speechSeconds*time.Second), f.close()); err != nil {
			return fmt.Errorf("%s: %w", r.name(), err)
		}
		browser, err1 := ears[0].decode("opus", opusRate)
		phone, err2 := ears[1].decode("PCMA", phoneRate)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("%s: %w", r.name(), err)
		}
		snr[i] = [2]float64{nearness(said, browser), nearness(said, finer(phone))}
		fmt.Printf("speech, %-11s PCMA to Opus %.1f dB, Opus to PCMA %.1f dB segmental SNR\n", r.name(), snr[i][0], snr[i][1])
	}
	for k, direction := range []string{"to Opus", "to PCMA"} {
		if len(b.relays) == 2 && snr[0][k] < snr[1][k]-slack {
			b.verdict.miss("speech %s: %.1f dB, rtpengine %.1f", direction, snr[0][k], snr[1][k])
		}
	}
	return nil
}

// ear keeps what comes, in order.
type ear struct{ packets [][]byte }

func (e *ear) hear(packet []byte) { e.packets = append(e.packets, append([]byte(nil), packet...)) }

var errSilent = errors.New("nothing to hear")

// decode is the speech in what was heard: a sample for each moment from the first packet on, and silence where nothing was sent.
func (e *ear) decode(codec string, rate int) ([]int16, error) {
	dec, err := transcode.NewDecoder(codec, rate)
	if err != nil {
		return nil, err
	}
	if len(e.packets) == 0 {
		return nil, errSilent
	}
	out := make([]int16, (speechSeconds+1)*rate)
	begin := binary.BigEndian.Uint32(e.packets[0][4:])
	pcm := make([]int16, rate/5)
	for _, p := range e.packets {
		if pt := p[1] & 0x7f; pt != light.PTOpus && pt != light.PTPCMA {
			continue
		}
		n, err := dec.Decode(pcm, p[12:])
		if err != nil {
			return nil, err
		}
		if at := int(int32(binary.BigEndian.Uint32(p[4:]) - begin)); at >= 0 && at+n <= len(out) {
			copy(out[at:], pcm[:n])
		}
	}
	return out, nil
}

// finer is pcm at six times the rate: what lies between two samples is made by a windowed sinc.
func finer(pcm []int16) []int16 {
	const reach = 16
	out := make([]int16, len(pcm)*ratio)
	var taps [ratio][2 * reach]float64
	for phase := range taps {
		for k := range taps[phase] {
			x := float64(k-reach+1) - float64(phase)/ratio
			if x == 0 {
				taps[phase][k] = 1
			} else {
				taps[phase][k] = math.Sin(math.Pi*x) / (math.Pi * x) * (0.5 + 0.5*math.Cos(math.Pi*x/(reach+1)))
			}
		}
	}
	for i := range out {
		sum := 0.0
		for k, tap := range taps[i%ratio] {
			if j := i/ratio + k - reach + 1; j >= 0 && j < len(pcm) {
				sum += tap * float64(pcm[j])
			}
		}
		out[i] = int16(max(-32768, min(32767, sum)))
	}
	return out
}

// nearness is the segmental SNR of heard, at six times the rate of said, second by second at the delay that suits it best: relays take
// out and put in frames.
func nearness(said, heard []int16) float64 {
	sum, seconds := 0.0, 0
	at := make([]int16, phoneRate)
	for from := phoneRate; from+2*phoneRate <= len(said); from += phoneRate { // the first second is for buffers to find their size
		part := said[from : from+phoneRate]
		best := math.Inf(-1)
		for _, delay := range delays(part, heard, from*ratio) {
			for i := range at {
				at[i] = heard[(from+i)*ratio+delay]
			}
			best = max(best, transcodetest.SegmentalSNR(part, at, phoneRate))
		}
		sum, seconds = sum+best, seconds+1
	}
	return sum / float64(max(seconds, 1))
}

// delays are the likeliest ones, in samples of heard: those around the best match.
func delays(part, heard []int16, from int) (out []int) {
	best, top := 0, math.Inf(-1)
	match := func(delay, step int) float64 {
		sum := 0.0
		for i := 0; i < len(part); i += step {
			if j := from + i*ratio + delay; j >= 0 && j < len(heard) {
				sum += float64(part[i]) * float64(heard[j])
			}
		}
		return sum
	}
	most := int(mostDelay.Seconds() * opusRate)
	for delay := -most; delay < most; delay += 2 {
		if m := match(delay, 3); m > top && from+delay >= 0 {
			best, top = delay, m
		}
	}
	for delay := best - ratio; delay <= best+ratio; delay++ {
		if from+delay >= 0 && from+delay+len(part)*ratio <= len(heard) {
			out = append(out, delay)
		}
	}
	return out
}
