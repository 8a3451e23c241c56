package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

// levels are how far the tones stand above everything else the browser plays, in dB.
type levels struct{ tone, echo float64 }

// listen opens an analyser on what the page plays. heard(hz) is the level of a tone against the median of the spectrum, in dB.
const listen = `(() => {
  const ctx = new AudioContext();
  ctx.resume();
  const far = document.getElementById('far');
  const tap = ctx.createAnalyser();
  tap.fftSize = 8192;
  tap.smoothingTimeConstant = 0;
  let from = null;
  window.heard = (hz) => {
    if (!from && far.srcObject) { from = ctx.createMediaStreamSource(far.srcObject); from.connect(tap); }
    const bins = new Float32Array(tap.frequencyBinCount);
    tap.getFloatFrequencyData(bins);
    const at = Math.round(hz * tap.fftSize / ctx.sampleRate);
    const voice = Array.from(bins.slice(8, Math.round(3400 * tap.fftSize / ctx.sampleRate))).sort((a, b) => a - b);
    const floor = Math.max(voice[voice.length >> 1], -120);
    return Number.isFinite(bins[at]) ? Math.max(bins[at - 1], bins[at], bins[at + 1]) - floor : 0;
  };
})()`

// call opens the page, signs in with a demonstration account, presses call and listens.
func call(ctx context.Context, url, out string) (levels, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	dir, err := os.MkdirTemp("", "drawbridge-chromium-")
	if err != nil {
		return levels{}, err
	}
	defer os.RemoveAll(dir)
	microphone := filepath.Join(dir, "microphone.wav")
	if err := os.WriteFile(microphone, wav(1000), 0o600); err != nil {
		return levels{}, err
	}
	browser, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("mute-audio", false), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-audio-capture", microphone))...)
	defer stop()
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	return walk(tab, url, out)
}

// walk is what the person does, with a screenshot of each view at both widths.
func walk(tab context.Context, url, out string) (levels, error) {
	var l levels
	steps := []func() error{
		func() error { return do(tab, chromedp.EmulateViewport(1280, 800)) },
		func() error { return do(tab, chromedp.Navigate(url+"?processing=off")) },
		func() error { return until(tab, `document.body.dataset.view === 'ready'`) },
		func() error { return shots(tab, out, "dial") },
		func() error { return do(tab, chromedp.Click("#call")) },
		func() error { return until(tab, `document.getElementById('far').srcObject !== null`) },
		func() error { _, err := chromedp.Run(tab, chromedp.Evaluate[any](listen)); return err },
		func() (err error) { l.tone, err = above(tab, 620); return err },
		func() (err error) { l.echo, err = above(tab, 1000); return err },
		func() error { return shots(tab, out, "call") },
		func() error { return do(tab, chromedp.Click("#hangup")) },
		func() error { return until(tab, `document.body.dataset.view === 'ready'`) },
		func() error { return shots(tab, out, "after") },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			_ = shots(tab, out, "failed") // for the person who looks into it
			return l, fmt.Errorf("page, step %d: %w", i+1, err)
		}
	}
	return l, nil
}

func do(tab context.Context, a chromedp.Action[chromedp.Void]) error {
	_, err := chromedp.Run(tab, a)
	return err
}

// until waits for an expression to be true.
func until(tab context.Context, expression string) error {
	_, err := chromedp.Run(tab, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(15*time.Second)))
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", expression, err)
	}
	return nil
}

// above waits for a tone 30 dB above the rest and returns by how much it is.
func above(tab context.Context, hz int) (float64, error) {
	expression := fmt.Sprintf("window.heard(%d) > 30 ? window.heard(%d) : 0", hz, hz)
	db, err := chromedp.Run(tab, chromedp.Poll[float64](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(15*time.Second)))
	if err != nil {
		return 0, fmt.Errorf("listening for %d Hz: %w", hz, err)
	}
	return db, nil
}

// still is true when the page has stopped moving into view.
const still = `[...document.querySelectorAll('.view')].filter((v) => v.offsetParent).every((v) => getComputedStyle(v).opacity === '1')`

func shots(tab context.Context, out, view string) error {
	if err := until(tab, still); err != nil {
		return err
	}
	for name, size := range map[string][2]int64{"desktop": {1280, 800}, "phone": {390, 844}} {
		if err := do(tab, chromedp.EmulateViewport(size[0], size[1])); err != nil {
			return err
		}
		png, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, view+"-"+name+".png"), png, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// wav is ten seconds of a tone, 48 kHz mono: what the microphone hears.
func wav(hz float64) []byte {
	const rate, seconds = 48000, 10
	b := make([]byte, 44, 44+2*rate*seconds)
	copy(b, "RIFF")
	binary.LittleEndian.PutUint32(b[4:], uint32(36+2*rate*seconds))
	copy(b[8:], "WAVEfmt ")
	for i, v := range []uint32{16, 1 | 1<<16, rate, 2 * rate, 2 | 16<<16} {
		binary.LittleEndian.PutUint32(b[16+4*i:], v)
	}
	copy(b[36:], "data")
	binary.LittleEndian.PutUint32(b[40:], uint32(2*rate*seconds))
	for i := range rate * seconds {
		s := int16(10000 * math.Sin(2*math.Pi*hz*float64(i)/rate))
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}
