package cdr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"drawbridge/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ended(id int) *telemetry.CallEnded {
	return &telemetry.CallEnded{Call: strconv.Itoa(id)}
}

// run starts w and returns what stops it and gives Run's error.
func run(w *Writer) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

// calls lists the call ids of the lines in text; a line that is not one whole record fails.
func calls(t *testing.T, text string) (ids []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("not a whole record: %q (%v)", line, err)
		}
		ids = append(ids, r.Call)
	}
	return ids
}

func TestOneLineForEachAttempt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.jsonl")
	if err := os.WriteFile(path, []byte("{\"call\":\"before\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := New(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(w)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("x", 3600))
	w.Listener().EmitCallEnded(&telemetry.CallEnded{
		Call: "c1", From: "alice", To: "+4930123456", Start: start, Answer: start.Add(2 * time.Second), End: start.Add(5 * time.Second),
		Setup: 2 * time.Second, Duration: 3 * time.Second,
		Cause: telemetry.Cause{Q850: 16, Text: "normal", By: "a"}, Transfer: "c0",
		A: telemetry.Leg{Realm: "access", PacketsIn: 150}, B: telemetry.Leg{Realm: "carrier", Codec: "PCMA"},
	})
	w.Listener().EmitCallEnded(&telemetry.CallEnded{Call: "c2\n\x1b\u009b", Start: start, End: start, Rule: "limits/calls",
		Cause: telemetry.Cause{SIP: 503, Q850: 42, Text: "limit", By: "gateway"}})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"call":"before"}
{"call":"c1","from":"alice","to":"+4930123456","start":"2026-01-02T02:04:05Z","answer":"2026-01-02T02:04:07Z","end":"2026-01-02T02:04:10Z","setupMs":2000,"durationMs":3000,"cause":{"sip":0,"q850":16,"text":"normal","by":"a"},"transfer":"c0","a":{"realm":"access","packetsIn":150,"octetsIn":0,"packetsOut":0,"lost":0,"jitterMs":0},"b":{"realm":"carrier","codec":"PCMA","packetsIn":0,"octetsIn":0,"packetsOut":0,"lost":0,"jitterMs":0}}
{"call":"c2\n\u001b\u009b","from":"","to":"","start":"2026-01-02T02:04:05Z","end":"2026-01-02T02:04:05Z","setupMs":0,"durationMs":0,"cause":{"sip":503,"q850":42,"text":"limit","by":"gateway"},"rule":"limits/calls","a":{"packetsIn":0,"octetsIn":0,"packetsOut":0,"lost":0,"jitterMs":0},"b":{"packetsIn":0,"octetsIn":0,"packetsOut":0,"lost":0,"jitterMs":0}}
`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Error(d)
	}
	if w.Written() != 2 || w.Dropped() != 0 {
		t.Errorf("written %d, dropped %d", w.Written(), w.Dropped())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: call records are for their owner", info.Mode(), err)
	}
}

func TestAFullQueueDropsAndCounts(t *testing.T) {
	w, err := New(Config{Queue: 2, Out: &disk{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // nobody reads yet: the emitter must come back all the same
		w.Listener().EmitCallEnded(ended(i))
	}
	if w.Dropped() != 3 || w.Waiting() != 2 {
		t.Errorf("dropped %d, waiting %d; want 3 and 2", w.Dropped(), w.Waiting())
	}
}

// disk is a writer with so much room; beyond it writes are cut and fail with ENOSPC as a file system does it.
type disk struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	room   int
	writes int
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if len(p) <= d.room {
		d.room -= len(p)
		return d.buf.Write(p)
	}
	n, _ := d.buf.Write(p[:d.room])
	d.room = 0
	return n, syscall.ENOSPC
}

func (d *disk) setRoom(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
}

// TestRecordsGather: the first record is written at once, those that follow closely share a write.
func TestRecordsGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 1 << 20}
		w, err := New(Config{Out: d})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(w)
		w.Listener().EmitCallEnded(ended(0))
		synctest.Wait()
		if w.Written() != 1 {
			t.Errorf("written %d: a lone record waits for nothing", w.Written())
		}
		want := []string{"0"}
		for i := 1; i <= 50; i++ {
			time.Sleep(time.Millisecond)
			w.Listener().EmitCallEnded(ended(i))
			want = append(want, strconv.Itoa(i))
		}
		if w.Waiting() != 50 {
			t.Errorf("waiting %d, want 50", w.Waiting())
		}
		time.Sleep(gather)
		synctest.Wait()
		if got := calls(t, d.buf.String()); !cmp.Equal(want, got) || d.writes != 2 {
			t.Errorf("%d writes of %v, want 2 of %v", d.writes, got, want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullDiskKeepsTheNewestAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 30} // a part of the first line
		w, err := New(Config{Out: d, Keep: 3})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(w)
		for i := range 6 {
			w.Listener().EmitCallEnded(ended(i))
			synctest.Wait()
		}
		if w.Written() != 0 || w.Failures() != 1 || w.Waiting() == 0 {
			t.Errorf("written %d, failures %d, waiting %d: a dead disk is tried once a second", w.Written(), w.Failures(), w.Waiting())
		}
		time.Sleep(3 * retryEvery)
		synctest.Wait()
		if w.Failures() != 4 {
			t.Errorf("failures %d, want 4", w.Failures())
		}
		d.setRoom(1 << 20)
		time.Sleep(retryEvery)
		synctest.Wait()
		// The cut line is completed; of the others the newest that fit are kept.
		if got, want := calls(t, d.buf.String()), []string{"0", "4", "5"}; !cmp.Equal(want, got) {
			t.Errorf("kept %v, want %v", got, want)
		}
		if w.Dropped() != 3 || w.Written() != 3 || w.Waiting() != 0 {
			t.Errorf("dropped %d, written %d, waiting %d", w.Dropped(), w.Written(), w.Waiting())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	w, err := New(Config{File: "/dev/full"})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(w)
	w.Listener().EmitCallEnded(ended(1))
	if err := stop(); !errors.Is(err, ErrNotWritten) {
		t.Errorf("got %v, want ErrNotWritten", err)
	}
	if w.Dropped() != 1 || w.Failures() == 0 {
		t.Errorf("dropped %d, failures %d", w.Dropped(), w.Failures())
	}
}

// TestRotation: a renamed file is left alone, and a folder that has gone is waited for.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "records")
		path := filepath.Join(dir, "cdr.jsonl")
		mkdir := func() {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		mkdir()
		var said []string
		w, err := New(Config{File: path, Events: telemetry.Listener{Lifecycle: func(e telemetry.Lifecycle) { said = append(said, e.What) }}})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(w)
		record := func(id int) {
			w.Listener().EmitCallEnded(ended(id))
			time.Sleep(gather)
			synctest.Wait()
		}
		holds := func(path string, want ...string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if got := calls(t, string(text)); err != nil || !cmp.Equal(want, got) {
				t.Errorf("%s holds %v (%v), want %v", filepath.Base(path), got, err, want)
			}
		}
		record(1)
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		record(2)
		holds(path+".1", "1")
		holds(path, "2")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		record(3)
		record(4)
		if w.Written() != 2 || w.Waiting() != 2 || w.Failures() != 1 {
			t.Errorf("written %d, waiting %d, failures %d", w.Written(), w.Waiting(), w.Failures())
		}
		mkdir()
		time.Sleep(retryEvery)
		synctest.Wait()
		holds(path, "3", "4")
		if want := []string{"records refused", "records written again"}; !cmp.Equal(want, said) {
			t.Errorf("said %v, want %v", said, want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheFileMustOpen(t *testing.T) {
	if _, err := New(Config{File: filepath.Join(t.TempDir(), "no", "such", "folder")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
