package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// rtpengine's control protocol: a cookie and a bencoded dictionary in a datagram, each way.

// bencode writes strings, lists and dictionaries.
func bencode(v any) []byte {
	switch v := v.(type) {
	case string:
		return fmt.Appendf(nil, "%d:%s", len(v), v)
	case []string:
		b := []byte{'l'}
		for _, s := range v {
			b = append(b, bencode(s)...)
		}
		return append(b, 'e')
	case map[string]any:
		b := []byte{'d'}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b = append(append(b, bencode(k)...), bencode(v[k])...)
		}
		return append(b, 'e')
	}
	panic(fmt.Sprintf("bencode of %T", v)) // impossible: commands are written here
}

var errBencode = errors.New("ng: malformed answer")

// bdecode reads one value and returns what follows it. Integers are returned as strings.
func bdecode(b []byte) (v any, rest []byte, err error) {
	switch {
	case len(b) == 0:
		return nil, nil, errBencode
	case b[0] == 'i':
		digits, rest, ok := bytes.Cut(b[1:], []byte("e"))
		if !ok {
			return nil, nil, errBencode
		}
		return string(digits), rest, nil
	case b[0] == 'l':
		return bdecodeList(b[1:])
	case b[0] == 'd':
		return bdecodeDict(b[1:])
	}
	digits, rest, ok := bytes.Cut(b, []byte(":"))
	n, err := strconv.Atoi(string(digits))
	if !ok || err != nil || n < 0 || n > len(rest) {
		return nil, nil, errBencode
	}
	return string(rest[:n]), rest[n:], nil
}

func bdecodeList(b []byte) (v any, rest []byte, err error) {
	var out []any
	for len(b) > 0 && b[0] != 'e' {
		if v, b, err = bdecode(b); err != nil {
			return nil, nil, err
		}
		out = append(out, v)
	}
	if len(b) == 0 {
		return nil, nil, errBencode
	}
	return out, b[1:], nil
}

func bdecodeDict(b []byte) (v any, rest []byte, err error) {
	list, rest, err := bdecodeList(b)
	if err != nil {
		return nil, nil, err
	}
	pairs := list.([]any)
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, nil, errBencode
		}
		out[key] = pairs[i+1]
	}
	return out, rest, nil
}
