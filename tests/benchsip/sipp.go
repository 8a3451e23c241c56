package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

//go:embed files
var files embed.FS

// Addresses of the bench: nobody else's tests use them.
const (
	gatewayWest = "127.0.21.1:5060"
	callerHost  = "127.0.22.1"
	calleeHost  = "127.0.24.1"
)

// Cores.
const (
	coreOfGateway = "0"
	coreOfPhones  = "1"
)

// tally is what SIPp counted.
type tally struct {
	completed int // by the called side
	rejected  int // 503
	failed    int
	seconds   []second // of the calling side
}

// second is one line of SIPp's periodic figures.
type second struct {
	at                                    time.Duration
	created, successful, failed, rejected int
}

// phones runs the called and the calling SIPp and returns when the last call is over.
func phones(ctx context.Context, dir string, l load) (tally, error) {
	stop := time.Duration(float64(l.calls())/float64(l.rate)*float64(time.Second)) + l.talk + patience
	callee, err := sipp(ctx, dir, "uas", stop+time.Second, "-i", calleeHost, "-p", "5060")
	if err != nil {
		return tally{}, err
	}
	pause(ctx, 300*time.Millisecond) // SIPp says nothing when it is ready
	caller, err := sipp(ctx, dir, "uac", stop, gatewayWest, "-s", "+4930222", "-i", callerHost, "-p", "5060",
		"-m", strconv.Itoa(l.calls()), "-r", strconv.Itoa(l.rate), "-d", strconv.Itoa(int(l.talk.Milliseconds())), "-l", "60000")
	if err != nil {
		return tally{}, err
	}
	_ = caller.Wait()                // it fails when a call does: the figures tell
	pause(ctx, 500*time.Millisecond) // the last answer to a BYE
	_ = callee.Process.Signal(os.Interrupt)
	_ = callee.Wait()
	return read(dir)
}

// patience is how long a call may take beyond its talk: INVITE retransmissions included.
const patience = 15 * time.Second

// sipp starts one SIPp on its core.
func sipp(ctx context.Context, dir, name string, limit time.Duration, args ...string) (*exec.Cmd, error) {
	args = append([]string{"-c", coreOfPhones, "sipp", "-sf", filepath.Join(dir, name+".xml"), "-bind_local", "-nostdin",
		"-trace_stat", "-stf", filepath.Join(dir, name+".csv"), "-fd", "1", "-buff_size", "4000000",
		"-timeout", strconv.Itoa(int(limit.Seconds()))}, args...)
	_ = os.Remove(filepath.Join(dir, name+".csv"))
	cmd := exec.CommandContext(ctx, "taskset", args...)
	cmd.Stdout, cmd.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	return cmd, cmd.Start()
}

var errFigures = errors.New("SIPp left no figures")

// read takes the figures of both sides from SIPp's files.
func read(dir string) (tally, error) {
	called, err := statistics(filepath.Join(dir, "uas.csv"))
	if err != nil {
		return tally{}, err
	}
	calling, err := statistics(filepath.Join(dir, "uac.csv"))
	if err != nil {
		return tally{}, err
	}
	last := calling[len(calling)-1]
	t := tally{
		completed: called[len(called)-1].number("SuccessfulCall(C)"),
		rejected:  last.number("GenericCounter1(C)"), failed: last.number("FailedCall(C)"),
	}
	for i, row := range calling {
		t.seconds = append(t.seconds, second{
			at: time.Duration(i) * time.Second, created: row.number("OutgoingCall(P)"), successful: row.number("SuccessfulCall(P)"),
			failed: row.number("FailedCall(P)"), rejected: row.number("GenericCounter1(P)"),
		})
	}
	return t, nil
}

// row is one line of a statistics file by column name.
type row map[string]string

func (r row) number(name string) int {
	n, _ := strconv.Atoi(r[name]) // a column that is missing shows as a run without calls
	return n
}

func statistics(file string) ([]row, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFigures, err)
	}
	defer f.Close()
	c := csv.NewReader(f)
	c.Comma, c.FieldsPerRecord = ';', -1
	lines, err := c.ReadAll()
	if err != nil || len(lines) < 2 {
		return nil, fmt.Errorf("%w in %s", errFigures, filepath.Base(file))
	}
	var out []row
	for _, line := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			if i < len(line) {
				r[name] = line[i]
			}
		}
		out = append(out, r)
	}
	return out, nil
}
