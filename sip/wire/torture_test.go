package wire

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"drawbridge/tests/corpora"
)

// later names the messages that this package accepts although they are owed something: by whom, and what.
var later = map[string]string{
	"answer":       "txn drops a response that no transaction waits for",
	"unreason.dat": "txn drops a response that no transaction waits for",
	"noreason.dat": "txn drops a response that no transaction waits for",
	"bcast.dat":    "txn drops a response that no transaction waits for",
	"invut.dat":    "b2bua: 415, it alone knows which bodies a call takes",
	"sdp01.dat":    "b2bua: 406, it alone knows what its answer would carry",
	"zeromf.dat":   "b2bua: 483, unless the OPTIONS is for the gateway itself",
}

// second choices are the rows where the answer is the tolerable one, with the reason.
var secondChoices = map[string]string{
	"test.dat": "neither Via nor CSeq: there is nothing to answer with",
}

func TestOwnTorture(t *testing.T) {
	torture(t, filepath.Join("testdata", "torture"), filepath.Join("testdata", "torture"))
}

func TestRFC4475(t *testing.T) {
	dir := corpora.Dir(t, "rfc4475")
	torture(t, dir, filepath.Join(dir, "raw"))
}

func TestRFC5118(t *testing.T) {
	dir := corpora.Dir(t, "rfc5118")
	torture(t, dir, filepath.Join(dir, "wire"))
}

// torture reads every message of expected.tsv. What is accepted must leave as something that is accepted and leaves the same again.
func torture(t *testing.T, table, messages string) {
	for _, row := range rows(t, filepath.Join(table, "expected.tsv")) {
		t.Run(row.name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(messages, row.name))
			if os.IsNotExist(err) {
				t.Skip("listed, but not in this collection")
			} else if err != nil {
				t.Fatal(err)
			}
			m, v := Read(raw, CanonOptions{})
			_, isLater := later[row.name]
			_, isSecond := secondChoices[row.name]
			switch wanted, tolerable := row.wanted.allows(v.Status), row.tolerable.allows(v.Status); {
			case isLater && v.Status != 0:
				t.Errorf("%d, but the answer was left to a later layer: %s", v.Status, later[row.name])
			case isLater || wanted && !isSecond || isSecond && tolerable && !wanted:
			default:
				t.Errorf("%d %q, wanted %q or at least %q: %s", v.Status, v.Reason, row.wanted, row.tolerable, row.why)
			}
			if v.Status == 0 {
				once := m.Bytes()
				if twice := string(read(t, once).Bytes()); twice != string(once) {
					t.Errorf("leaves as\n%s\nand then as\n%s", once, twice)
				}
			}
		})
	}
}

// answers is a column of expected.tsv: what an answering element may do.
type answers string

// allows takes 0 for a message that goes on, Drop for silence, else a status.
func (a answers) allows(status int) bool {
	word := map[int]string{0: "any", Drop: "none"}[status]
	if word == "" {
		word = strconv.Itoa(status)
	}
	items := strings.Split(string(a), ",")
	if slices.Contains(items, "!"+word) {
		return false
	}
	return slices.Contains(items, word) || slices.Contains(items, "any")
}

type row struct {
	name              string
	wanted, tolerable answers
	why               string
}

func rows(t *testing.T, file string) []row {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	for l := range strings.Lines(string(raw)) {
		if f := strings.Split(strings.TrimSpace(l), "\t"); len(f) == 5 && f[0][0] != '#' {
			out = append(out, row{f[0], answers(f[2]), answers(f[3]), f[4]})
		}
	}
	if len(out) < 10 {
		t.Fatalf("%s: %d rows", file, len(out))
	}
	return out
}
