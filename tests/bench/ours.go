package main

import (
	"context"
	"errors"
	"fmt"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
)

// ours is the gateway, called over JSON signalling and answered by a phone behind its trunk.
type ours struct {
	gw    *gateway.Gateway
	uas   *uas
	lines []*light.Line
}

var caller = gateway.User{Name: "bench", Password: "of bench", Number: "+4930111"}

func openOurs(binary, dir string, phones *phones) (*ours, error) {
	u, err := openUAS(phones.sdp())
	if err != nil {
		return nil, err
	}
	gw, err := gateway.Launch(binary, dir, gateway.Config{
		Users:  []gateway.User{caller},
		Ports:  500,
		Trunks: []gateway.Trunk{{Name: "bench", Target: u.addr(), Codecs: "[PCMA]"}},
		Routes: []gateway.Route{{From: "access", To: "*", Via: "bench"}},
	})
	if err != nil {
		u.close()
		return nil, err
	}
	o := &ours{gw: gw, uas: u}
	line, err := light.SignIn(context.Background(), gw.Web, gw.Config.Key.Pool, caller.Name, caller.Password)
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	o.lines = append(o.lines, line)
	return o, nil
}

func (o *ours) name() string { return "drawbridge" }

func (o *ours) pid() int { return o.gw.PID() }

func (o *ours) join(_ context.Context, call int, offer string) (string, farmTarget, error) {
	number := fmt.Sprintf("+4970%04d", call)
	answer, err := o.lines[0].Call(id(call), number, offer)
	if err != nil {
		return "", farmTarget{}, err
	}
	target, err := audioOf(o.uas.offer(number))
	return answer, target, err
}

func (o *ours) leave(call int) error { return o.lines[0].Hangup(id(call)) }

func (o *ours) close() error {
	var err error
	for _, l := range o.lines {
		err = errors.Join(err, l.Close())
	}
	err = errors.Join(err, o.gw.Stop())
	o.uas.close()
	return err
}

func id(call int) string { return fmt.Sprintf("bench%d", call) }
