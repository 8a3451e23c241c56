package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// run is one tool over one corpus on one transport.
type run struct {
	tool, corpus string
	messages     string // directory below the corpus; "" is the corpus itself
	transport    string
	chunk        int // octets of a segment; 0 is a whole message
}

// tally counts messages by grade.
type tally struct{ pass, soft, fail int }

func (t tally) String() string { return fmt.Sprintf("pass=%d soft=%d fail=%d", t.pass, t.soft, t.fail) }

func (t *tally) add(o tally) { t.pass, t.soft, t.fail = t.pass+o.pass, t.soft+o.soft, t.fail+o.fail }

// places are the directories outside the repository.
type places struct{ tools, corpora string }

// find looks for tools and corpora. What is missing is said with the variable that would name it.
func find() (places, error) {
	p := places{tools: os.Getenv("DRAWBRIDGE_TOOLS"), corpora: os.Getenv("DRAWBRIDGE_CORPORA")}
	if p.tools == "" {
		p.tools = filepath.Join("..", "shared", "tools")
	}
	if p.corpora == "" {
		p.corpora = filepath.Join("..", "shared", "corpora")
	}
	var missing []error
	for _, r := range plan {
		if _, err := os.Stat(filepath.Join(p.tools, r.tool)); err != nil {
			missing = append(missing, fmt.Errorf("no tool %s in %s: set DRAWBRIDGE_TOOLS", r.tool, p.tools))
		}
		if _, err := os.Stat(filepath.Join(p.corpora, r.corpus, r.messages)); err != nil {
			missing = append(missing, fmt.Errorf("no corpus %s in %s: set DRAWBRIDGE_CORPORA", r.corpus, p.corpora))
		}
	}
	if _, err := exec.LookPath("python3"); err != nil {
		missing = append(missing, errors.New("the tools need python3"))
	}
	return p, errors.Join(missing...)
}

// row is what a tool says about one message.
type row struct {
	Message string   `json:"message"`
	SDP     string   `json:"sdp"`
	Want    string   `json:"want"`
	Wanted  string   `json:"expected"`
	Got     []int    `json:"got"`
	Conn    string   `json:"conn"`
	Grade   string   `json:"grade"`
	Defects []string `json:"oa"`
}

func (r row) name() string { return r.Message + r.SDP }

// do runs the tool and judges its rows.
func (r run) do(ctx context.Context, where places, verbose bool) (tally, error) {
	rows, err := r.rows(ctx, where)
	if err != nil {
		return tally{}, fmt.Errorf("%s %s over %s: %w", r.tool, r.corpus, r.transport, err)
	}
	var t tally
	for _, row := range rows {
		verdict := r.judge(row, &t)
		if verbose || verdict != "" {
			fmt.Printf("  %-34s %-5s got %v, owed %s%s %s %v\n", row.name(), row.Grade, row.Got, row.Want, row.Wanted, verdict, row.Defects)
		}
	}
	return t, nil
}

// judge counts a row and says what is wrong or excused about it.
func (r run) judge(row row, t *tally) string {
	why, excused := excuses[r.corpus+"/"+row.Message+" "+r.transport]
	switch {
	case row.Grade == "PASS":
		t.pass++
		if excused {
			return "(an excuse without need)"
		}
		return ""
	case row.Grade == "SOFT" && excused && len(row.Got) == 0:
		t.soft++
		return "silence: " + why
	default:
		t.fail++
		return "MISSED"
	}
}

// rows runs the tool. A tool that graded something FAIL exits 1: its rows say so too. 2 is a gateway that does not answer.
func (r run) rows(ctx context.Context, where places) ([]row, error) {
	dir, err := os.MkdirTemp("", "drawbridge-torture")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	report := filepath.Join(dir, "rows.json")
	target := map[string]string{"udp": sipAddr, "tcp": sipAddr, "tls": tlsAddr, "ws": webAddr}[r.transport]
	args := []string{filepath.Join(where.tools, r.tool), "--target", target, "--transport", r.transport, "--quiet", "--json", report}
	if r.tool == "sip-torture.py" {
		args = append(args, "--uniq", "--chunk", strconv.Itoa(r.chunk))
	}
	cmd := exec.CommandContext(ctx, "python3", append(args, filepath.Join(where.corpora, r.corpus, r.messages))...)
	text, ran := cmd.CombinedOutput()
	raw, err := os.ReadFile(report)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errors.Join(ran, err), text)
	}
	var rows []row
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, err
	}
	if len(rows) < 10 {
		return nil, fmt.Errorf("only %d messages: %s", len(rows), text)
	}
	return rows, nil
}
