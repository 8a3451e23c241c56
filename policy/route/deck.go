package route

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// A Deck is a price list: what each trunk takes for the numbers that begin with a prefix. It is compiled once and asked from any goroutine.
//
// The prefixes lie in one sorted slice, each with its parent, the longest other prefix that it begins with. The prefixes of a number are
// then the last one that is not behind it in the order, and its parents, as far as the number begins with them.
type Deck struct {
	trunks []string
	keys   []uint64 // digits from the top, four bits each
	parent []int32  // of keys; -1 has none
	first  []int32  // of keys: where its rates begin; one more at the end
	rates  []deckRate
	narrow []int32 // by the first four digits: the first key that is not before them
}

type deckRate struct {
	price Micros
	trunk uint16
}

// Micros is money a minute, in millionths of the deck's currency.
type Micros int64

// Rate is what one trunk takes for a number.
type Rate struct {
	Trunk  string
	Prefix string // the longest of the trunk's that the number begins with
	Price  Micros
}

// Limits of a deck, chosen here.
const (
	maxDeckPrefix = 15                // digits of an E.164 number
	maxDeckTrunks = 1 << 16           // different names
	maxDeckFaults = 20                // that are reported; more say how many
	maxPrice      = Micros(1e6 * 1e6) // a million a minute
)

// ErrDeck wraps every fault of a deck.
var ErrDeck = errors.New("price list")

// ReadDeck reads a deck as CSV. Its first line names the columns: prefix (digits, a leading + is ignored), trunk, and price (a minute,
// a decimal number); others are ignored. A deck with any fault is refused whole, with the line of every fault.
func ReadDeck(r io.Reader) (*Deck, error) {
	in := csv.NewReader(bufio.NewReaderSize(r, 1<<16))
	in.ReuseRecord, in.TrimLeadingSpace, in.Comment = true, true, '#'
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: line 1: the names of the columns: %w", ErrDeck, err)
	}
	col, err := deckColumns(head)
	if err != nil {
		return nil, err
	}
	b := deckBuilder{trunks: map[string]uint16{}}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return b.deck()
		}
		line, _ := 0, 0
		if err == nil || errors.Is(err, csv.ErrFieldCount) {
			line, _ = in.FieldPos(0)
		}
		if err == nil {
			err = b.add(int32(line), row[col.prefix], row[col.trunk], row[col.price])
		}
		if err != nil && b.fault(line, err) {
			return b.deck()
		}
	}
}

type deckPositions struct{ prefix, trunk, price int }

func deckColumns(head []string) (deckPositions, error) {
	find := func(name string) int {
		return slices.IndexFunc(head, func(h string) bool {
			return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), name)
		})
	}
	c := deckPositions{find("prefix"), find("trunk"), find("price")}
	if c.prefix < 0 || c.trunk < 0 || c.price < 0 {
		return c, fmt.Errorf("%w: line 1: columns prefix, trunk and price are needed, there are %q", ErrDeck, head)
	}
	return c, nil
}

type deckRow struct {
	key  uint64
	rate deckRate
	line int32
}

type deckBuilder struct {
	trunks map[string]uint16
	names  []string
	rows   []deckRow
	faults []error
	more   int
}

// fault notes a fault; true when reading on makes no sense.
func (b *deckBuilder) fault(line int, err error) bool {
	var broken *csv.ParseError
	if errors.As(err, &broken) {
		line, err = broken.Line, broken.Err
	}
	if len(b.faults) == maxDeckFaults {
		b.more++
	} else {
		b.faults = append(b.faults, fmt.Errorf("line %d: %w", line, err))
	}
	return broken != nil && !errors.Is(err, csv.ErrFieldCount)
}

func (b *deckBuilder) add(line int32, prefix, trunk, price string) error {
	key, err := deckKey(strings.TrimPrefix(strings.TrimSpace(prefix), "+"))
	if err != nil {
		return err
	}
	amount, err := strconv.ParseFloat(strings.TrimSpace(price), 64)
	micros := Micros(math.Round(amount * 1e6))
	if err != nil || !(amount >= 0) || amount*1e6 > float64(maxPrice) {
		return fmt.Errorf("price %q: a decimal number that is not negative", price)
	}
	trunk = strings.TrimSpace(trunk)
	at, known := b.trunks[trunk]
	if !known {
		if trunk == "" || len(b.names) == maxDeckTrunks {
			return fmt.Errorf("trunk %q: a name, of %d at most", trunk, maxDeckTrunks)
		}
		trunk = strings.Clone(trunk)
		at = uint16(len(b.names))
		b.trunks[trunk], b.names = at, append(b.names, trunk)
	}
	b.rows = append(b.rows, deckRow{key: key, rate: deckRate{price: micros, trunk: at}, line: line})
	return nil
}

// deckKey packs digits into the top of a number, so that numbers sort as the digits do: a digit is its value and one, nothing is 0.
func deckKey(digits string) (uint64, error) {
	if digits == "" || len(digits) > maxDeckPrefix {
		return 0, fmt.Errorf("prefix %q: one to %d digits", digits, maxDeckPrefix)
	}
	key, n := packDigits(digits)
	if n < len(digits) {
		return 0, fmt.Errorf("prefix %q: digits only", digits)
	}
	return key, nil
}

// packDigits packs the digits that text begins with, sixteen at most, and says how many they are.
func packDigits(text string) (key uint64, n int) {
	for n < len(text) && n < 16 && text[n] >= '0' && text[n] <= '9' {
		key |= uint64(text[n]-'0'+1) << (60 - 4*n)
		n++
	}
	return key, n
}

// unpackDigits is the text of a key.
func unpackDigits(key uint64) string {
	var b [16]byte
	n := 0
	for ; key != 0; key <<= 4 {
		b[n] = byte(key>>60) - 1 + '0'
		n++
	}
	return string(b[:n])
}

// digitsOf is the number of digits in a key.
func digitsOf(key uint64) int { return 16 - bits.TrailingZeros64(key)/4 }

// begins reports whether the digits of number begin with those of prefix.
func begins(number, prefix uint64) bool {
	rest := 64 - 4*digitsOf(prefix)
	return number>>rest == prefix>>rest
}

// deck sorts what was read, or says everything that is wrong with it.
func (b *deckBuilder) deck() (*Deck, error) {
	slices.SortFunc(b.rows, func(x, y deckRow) int {
		return cmp.Or(cmp.Compare(x.key, y.key), cmp.Compare(x.rate.trunk, y.rate.trunk), cmp.Compare(x.line, y.line))
	})
	for i := 1; i < len(b.rows); i++ {
		if x, y := b.rows[i-1], b.rows[i]; x.key == y.key && x.rate.trunk == y.rate.trunk {
			b.fault(int(y.line), fmt.Errorf("prefix %s of trunk %s is in line %d already", unpackDigits(y.key), b.names[y.rate.trunk], x.line))
		}
	}
	if b.more > 0 {
		b.faults = append(b.faults, fmt.Errorf("and %d more", b.more))
	}
	if len(b.faults) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrDeck, errors.Join(b.faults...))
	}
	d := &Deck{trunks: b.names, rates: make([]deckRate, len(b.rows)), narrow: make([]int32, 1<<16+1)}
	for i, r := range b.rows {
		if i == 0 || r.key != b.rows[i-1].key {
			d.keys, d.first = append(d.keys, r.key), append(d.first, int32(i))
		}
		d.rates[i] = r.rate
	}
	d.first = append(d.first, int32(len(b.rows)))
	d.link()
	return d, nil
}

// link finds the parents and the beginnings. In sorted order a key's parent is the last one before it that is not closed yet.
func (d *Deck) link() {
	d.parent = make([]int32, len(d.keys))
	open := int32(-1)
	top := 0
	for i, key := range d.keys {
		for open >= 0 && !begins(key, d.keys[open]) {
			open = d.parent[open]
		}
		d.parent[i], open = open, int32(i)
		for ; top <= int(key>>48); top++ {
			d.narrow[top] = int32(i)
		}
	}
	for ; top < len(d.narrow); top++ {
		d.narrow[top] = int32(len(d.keys))
	}
}

// Len is the number of rows.
func (d *Deck) Len() int { return len(d.rates) }

// Trunks are the names in the deck, in the order in which it begins to speak of them.
func (d *Deck) Trunks() []string { return d.trunks }

// Rates appends to dst what the trunks take for a number, the cheapest first, those that take the same in the order in which the deck names
// them. The number is in international form, with or without +; what is no such number has no rates.
func (d *Deck) Rates(dst []Rate, number string) []Rate {
	number = strings.TrimPrefix(number, "+")
	key, n := packDigits(number)
	if n == 0 || len(d.keys) == 0 {
		return dst
	}
	low, high := d.narrow[key>>48], d.narrow[key>>48+1]
	at, exact := slices.BinarySearch(d.keys[low:high], key)
	i := low + int32(at)
	if !exact {
		i--
	}
	begin := len(dst)
	for ; i >= 0; i = d.parent[i] {
		if !begins(key, d.keys[i]) {
			continue
		}
		for _, r := range d.rates[d.first[i]:d.first[i+1]] {
			dst = insert(dst, begin, Rate{Trunk: d.trunks[r.trunk], Prefix: number[:digitsOf(d.keys[i])], Price: r.price})
		}
	}
	return dst
}

// insert puts a rate in its place, unless its trunk has one with a longer prefix already.
func insert(dst []Rate, begin int, r Rate) []Rate {
	at := len(dst)
	for i := len(dst) - 1; i >= begin; i-- {
		if dst[i].Trunk == r.Trunk {
			return dst
		}
		if dst[i].Price > r.Price {
			at = i
		}
	}
	return slices.Insert(dst, at, r)
}
