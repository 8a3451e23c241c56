// Package incumbent runs what operators have today, Kamailio with rtpengine, between the same browser and the same phone as the gateway,
// so that a figure can stand beside theirs. Debian: kamailio, kamailio-websocket-modules, rtpengine-daemon.
package incumbent

import (
	"bytes"
	_ "embed"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"drawbridge/tests/gateway"
)

//go:embed kamailio.cfg
var script string

const (
	startLimit = 10 * time.Second
	stopLimit  = 5 * time.Second
	firstRTP   = 26000 // up to 26199; the gateway's own range is below
)

// Missing says what is not installed; "" when everything is.
func Missing() string {
	for _, program := range []string{"kamailio", "rtpengine"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed (Debian: kamailio, rtpengine-daemon)"
		}
	}
	if found, _ := filepath.Glob("/usr/lib/*/kamailio/modules/websocket.so"); len(found) == 0 {
		return "Kamailio has no WebSocket module (Debian: kamailio-websocket-modules)"
	}
	return ""
}

// Start runs both until the test ends and returns the URL for SIP over WebSocket. Every number is sent to the phone.
func Start(t testing.TB, phone netip.AddrPort) string {
	t.Helper()
	dir := t.TempDir()
	control, err := gateway.FreePort(gateway.AccessAddr)
	if err != nil {
		t.Fatal(err)
	}
	web, err := gateway.FreePort(gateway.AccessAddr)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(gateway.AccessAddr, uint16(web))
	ng := netip.AddrPortFrom(gateway.AccessAddr, uint16(control))
	sip := netip.AddrPortFrom(gateway.CarrierAddr, uint16(gateway.FreeUDP(t, gateway.CarrierAddr)))
	cfg := filepath.Join(dir, "kamailio.cfg")
	text := strings.NewReplacer("@web@", at.String(), "@sip@", sip.String(), "@control@", ng.String(), "@phone@", phone.String()).Replace(script)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "rtpengine", "--foreground", "--table=-1", "--interface="+gateway.AccessAddr.String(), "--listen-ng="+ng.String(),
		fmt.Sprintf("--port-min=%d", firstRTP), fmt.Sprintf("--port-max=%d", firstRTP+199), "--log-stderr", "--log-level=3",
		"--pidfile="+filepath.Join(dir, "rtpengine.pid"), "--config-file=none")
	gateway.Eventually(t, startLimit, "rtpengine answers", func() bool { return pings(ng) })
	run(t, "kamailio", "-DD", "-E", "-f", cfg, "-P", filepath.Join(dir, "kamailio.pid"), "-Y", dir, "-m", "64", "-M", "16")
	gateway.Eventually(t, startLimit, "Kamailio listens", func() bool {
		c, err := net.DialTimeout("tcp", at.String(), time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return "ws://" + at.String()
}

// pings asks rtpengine whether it is there: a cookie and a bencoded dictionary.
func pings(ng netip.AddrPort) bool {
	c, err := net.Dial("udp", ng.String())
	if err != nil {
		return false
	}
	defer c.Close()
	buf := make([]byte, 256)
	if _, err = c.Write([]byte("1 d7:command4:pinge")); err == nil {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, err = c.Read(buf)
	}
	return err == nil
}

// run starts a program with a process group of its own, and ends the group with the test.
func run(t testing.TB, name string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		kill := time.AfterFunc(stopLimit, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		defer kill.Stop()
		if err := cmd.Wait(); t.Failed() {
			t.Logf("%s: %v\n%s", name, err, log.String())
		}
	})
}
