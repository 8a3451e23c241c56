package tests

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
)

// baresipModules is where Debian keeps them.
const baresipModules = "/usr/lib/baresip/modules"

// baresipAddr is where its media comes from on loopback, whatever it announces.
var baresipAddr = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// TestBaresip calls a real telephone that sends back what it hears, under each kind of encryption that both know: the tone of the caller
// comes back, so it has been decrypted and encrypted on both ways. The caller speaks plain RTP.
func TestBaresip(t *testing.T) {
	phone.Need(t, "baresip")
	phone.Need(t, "sipp")
	for _, c := range []struct {
		name, encryption, srtp string
		media                  string // of the record
	}{
		{"SDES", "srtp-mand", "sdes", "sdes"},
		{"SDES where it can", "srtp", "optional", "sdes"},
		{"in clear where it must", "", "optional", "rtp"},
		{"DTLS", "dtls_srtp", "dtls", "dtls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			port, caller := gateway.FreeUDP(t, baresipAddr), gateway.FreeUDP(t, gateway.PhoneAddr)
			gw := gateway.Start(t, gateway.Config{
				Key: gateway.NewIdentity(t),
				Trunks: []gateway.Trunk{
					{Name: "caller", Target: netip.AddrPortFrom(gateway.PhoneAddr, uint16(caller))},
					{Name: "baresip", Target: netip.AddrPortFrom(baresipAddr, uint16(port)), More: "srtp: " + c.srtp},
				},
				Routes: []gateway.Route{{From: "carrier", To: "*", Via: "baresip"}},
			})
			startBaresip(t, port, c.encryption)
			media := phone.OpenMedia(t, "PCMA", tonePhone)
			run := phone.Start(t, phone.Scenario{Name: "uac_bye", Port: caller, Target: gw.SIP, Number: dialled, Media: media, Talk: 2500 * time.Millisecond})
			media.Hears(t, tonePhone, toneSeen)
			run.Wait(t)
			if got := gw.NextCDR(t, 0); got.B.Media != c.media {
				t.Errorf("the record says %q, want %q", got.B.Media, c.media)
			}
			if strings.Contains(gw.Log(), "inline:") {
				t.Error("a key is in the log")
			}
		})
	}
}

// startBaresip runs a telephone that answers every call and sends back what it hears.
func startBaresip(t *testing.T, port int, encryption string) {
	t.Helper()
	if _, err := os.Stat(baresipModules); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	account := fmt.Sprintf("<sip:%s@%s:%d;transport=udp>;regint=0;answermode=auto;audio_codecs=PCMA", dialled, baresipAddr, port)
	if encryption != "" {
		account += ";mediaenc=" + encryption
	}
	// Its RTP keeps away from the ports that gateway.FreePort gives out: it would take any by itself.
	config := fmt.Sprintf(`sip_listen %s:%d
net_interface %s
rtp_ports 28000-28999
audio_player aubridge,echo
audio_source aubridge,echo
module_path %s
module g711.so
module aubridge.so
module srtp.so
module dtls_srtp.so
module_tmp account.so
module_app echo.so
`, baresipAddr, port, baresipAddr, baresipModules)
	for name, text := range map[string]string{"config": config, "accounts": account + "\n", "contacts": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "baresip", "-4", "-v", "-s", "-f", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "baresip is ready") {
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	select {
	case <-ready:
	case <-ended:
		t.Fatal("baresip does not start")
	case <-time.After(eventSeen):
		t.Fatal("baresip does not get ready")
	}
}
