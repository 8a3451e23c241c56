package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"drawbridge/tests/gateway"
)

// rtpengine is Debian's, in user space, on ports of its own.
type rtpengine struct {
	cmd    *exec.Cmd
	log    bytes.Buffer
	ng     net.Conn
	phones *phones
	cookie int
	ended  sync.WaitGroup
}

const (
	ngLimit     = 2 * time.Second
	engineRange = 6000
	engineStart = 10 * time.Second
	enginePorts = 24000 // and engineRange up; the gateway's are below
)

func openRTPEngine(dir string, phones *phones) (*rtpengine, error) {
	port, err := gateway.FreePort(gateway.AccessAddr)
	if err != nil {
		return nil, err
	}
	control := netip.AddrPortFrom(gateway.AccessAddr, uint16(port)).String()
	r := &rtpengine{phones: phones}
	r.cmd = exec.Command("rtpengine", "--foreground", "--table=-1", "--interface="+gateway.AccessAddr.String(), "--listen-ng="+control,
		"--port-min="+strconv.Itoa(enginePorts), "--port-max="+strconv.Itoa(enginePorts+engineRange-1), "--log-stderr", "--log-level=3",
		"--pidfile="+filepath.Join(dir, "rtpengine.pid"), "--config-file=none")
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	r.ended.Go(func() { _ = r.cmd.Wait() })
	if r.ng, err = net.Dial("udp", control); err != nil {
		return nil, err
	}
	if !gateway.Within(engineStart, func() bool { _, err := r.command(map[string]any{"command": "ping"}); return err == nil }) {
		return nil, fmt.Errorf("rtpengine does not answer: %w\n%s", r.close(), r.log.String())
	}
	return r, nil
}

func (r *rtpengine) name() string { return "rtpengine" }

func (r *rtpengine) cpu() (time.Duration, error) { return gateway.CPU(r.cmd.Process.Pid) }

// join: the WebRTC side offers, rtpengine turns it into plain RTP with PCMA, the phone answers.
func (r *rtpengine) join(_ context.Context, call int, offer string) (string, farmTarget, error) {
	offer = strings.Replace(offer, "a=setup:actpass", "a=setup:active", 1) // or it begins a handshake of its own before the answer
	offered, err := r.command(map[string]any{
		"command": "offer", "call-id": id(call), "from-tag": "web", "sdp": offer, "ICE": "remove", "DTLS": "passive",
		"transport-protocol": "RTP/AVP", "rtcp-mux": []string{"demux"}, "replace": []string{"origin"},
		"codec": map[string]any{"mask": []string{"all"}, "transcode": []string{"PCMA"}},
	})
	if err != nil {
		return "", farmTarget{}, err
	}
	target, err := audioOf(offered)
	if err != nil {
		return "", farmTarget{}, err
	}
	answer, err := r.command(map[string]any{
		"command": "answer", "call-id": id(call), "from-tag": "web", "to-tag": "phone", "sdp": r.phones.sdp(),
		"ICE": "force", "DTLS": "passive", "rtcp-mux": []string{"accept"}, "replace": []string{"origin"},
	})
	return answer, target, err
}

func (r *rtpengine) leave(call int) error {
	_, err := r.command(map[string]any{"command": "delete", "call-id": id(call), "from-tag": "web", "delete-delay": "0"})
	return err
}

// idle is true once leave has been answered.
func (r *rtpengine) idle() error { return nil }

// command sends one command and returns the SDP of the answer, if it has one.
func (r *rtpengine) command(c map[string]any) (string, error) {
	r.cookie++
	cookie := strconv.Itoa(r.cookie)
	if _, err := r.ng.Write(append([]byte(cookie+" "), bencode(c)...)); err != nil {
		return "", err
	}
	if err := r.ng.SetReadDeadline(time.Now().Add(ngLimit)); err != nil {
		return "", err
	}
	buf := make([]byte, 1<<16)
	for {
		n, err := r.ng.Read(buf)
		if err != nil {
			return "", err
		}
		got, body, ok := bytes.Cut(buf[:n], []byte(" "))
		if !ok || string(got) != cookie {
			continue // the answer to an earlier command
		}
		v, _, err := bdecode(body)
		if err != nil {
			return "", err
		}
		answer, _ := v.(map[string]any)
		if reason, bad := answer["error-reason"]; bad || answer["result"] == "error" {
			return "", fmt.Errorf("rtpengine: %v: %v", c["command"], reason)
		}
		sdp, _ := answer["sdp"].(string)
		return sdp, nil
	}
}

func (r *rtpengine) close() error {
	err := r.cmd.Process.Signal(syscall.SIGTERM)
	r.ended.Wait()
	if r.ng != nil {
		r.ng.Close()
	}
	return err
}
