package browser

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// Browser is one Chromium process.
type Browser struct {
	ctx context.Context
}

const startLimit = 30 * time.Second

// Start runs Chromium until the test ends. It trusts the gateway's certificate by its key.
func Start(t testing.TB, id gateway.Identity) *Browser {
	t.Helper()
	return StartWith(t, id, Microphone)
}

// StartWith is Start with another tone in the microphone, in whole Hz.
func StartWith(t testing.TB, id gateway.Identity, frequency int) *Browser {
	t.Helper()
	phone.Need(t, "chromium")
	dir := t.TempDir()
	microphone := filepath.Join(dir, "microphone.wav")
	if err := os.WriteFile(microphone, wav(frequency), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.WSURLReadTimeout(startLimit),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("mute-audio", false),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-audio-capture", microphone),
		chromedp.Flag("allow-loopback-in-peer-connection", true),
		chromedp.Flag("disable-features", "LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns"),
		chromedp.Flag("ignore-certificate-errors-spki-list", id.SPKI),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // closes the process in good order; cancel and stop see to the rest
		cancel()
		stop()
	})
	if _, err := chromedp.Run(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return &Browser{ctx: ctx}
}

// Page opens a tab.
func (b *Browser) Page(t testing.TB, url string) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.console); err != nil {
		t.Fatalf("no tab: %v", err)
	}
	run(p, "open "+url, chromedp.Navigate(url))
	return p
}

// console keeps what the page complains about, for failure texts.
func (p *Page) console(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.complain(e.ExceptionDetails.Text)
		if x := e.ExceptionDetails.Exception; x != nil {
			p.complain(x.Description)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, a := range e.Args {
				p.complain(string(a.Value) + a.Description)
			}
		}
	}
}
