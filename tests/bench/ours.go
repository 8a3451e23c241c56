package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
)

// ours is the gateway, called over JSON signalling and answered by a phone behind its trunk.
type ours struct {
	gw    *gateway.Gateway
	uas   *uas
	lines []*light.Line
	farms int // that have ended: a call's name is never used again
}

// lines is how many signalling connections share the calls: the gateway serves 50 messages a second of each.
const (
	lines  = 10
	ending = 20 * time.Second // for all calls of a plan
)

var errActive = errors.New("calls do not end")

var caller = gateway.User{Name: "bench", Password: "of bench", Number: "+4930111"}

func openOurs(binary, dir string, phones *phones) (*ours, error) {
	u, err := openUAS(phones.sdp())
	if err != nil {
		return nil, err
	}
	gw, err := gateway.Launch(binary, dir, gateway.Config{
		Users:  []gateway.User{caller},
		Ports:  1100,
		Pprof:  true,
		Log:    "info", // as it is by default
		Trunks: []gateway.Trunk{{Name: "bench", Target: u.addr(), Codecs: "[PCMA]"}},
		Routes: []gateway.Route{{From: "access", To: "*", Via: "bench"}},
	})
	if err != nil {
		u.close()
		return nil, err
	}
	o := &ours{gw: gw, uas: u}
	for range lines {
		line, err := light.SignIn(context.Background(), gw.Web, gw.Config.Key.Pool, caller.Name, caller.Password)
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		o.lines = append(o.lines, line)
	}
	return o, nil
}

func (o *ours) name() string { return "drawbridge" }

// version is another version of the gateway.
type version struct{ *ours }

func (version) name() string { return "the other" }

func (o *ours) pid() int { return o.gw.PID() }

func (o *ours) cpu() (time.Duration, error) { return gateway.CPU(o.pid()) }

func (o *ours) join(_ context.Context, call int, offer string) (string, farmTarget, error) {
	number := fmt.Sprintf("+4970%04d", call)
	answer, err := o.lines[call%lines].Call(o.id(call), number, offer)
	if err != nil {
		return "", farmTarget{}, err
	}
	target, err := audioOf(o.uas.offer(number))
	return answer, target, err
}

func (o *ours) leave(call int) error { return o.lines[call%lines].Hangup(o.id(call)) }

// idle waits until the gateway has no call left.
func (o *ours) idle() error {
	o.farms++
	if gateway.Within(ending, func() bool {
		m, err := o.gw.ReadMetrics()
		return err == nil && m["drawbridge_calls_active"] == 0
	}) {
		return nil
	}
	return errActive
}

func (o *ours) close() error {
	var err error
	for _, l := range o.lines {
		err = errors.Join(err, l.Close())
	}
	err = errors.Join(err, o.gw.Stop())
	o.uas.close()
	return err
}

func (o *ours) id(call int) string { return fmt.Sprintf("%s-%d", id(call), o.farms) }

func id(call int) string { return fmt.Sprintf("bench%d", call) }
