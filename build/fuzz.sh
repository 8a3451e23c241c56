#!/usr/bin/env bash
# Runs every fuzz target in turn: fuzz.sh TAGS TIME [ARGUMENT OF go test...]. TIME is best a count of executions, such as 1000000x.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort | while read -r file; do
	for target in $(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2); do
		go test -tags "$1" -run '^$' -fuzz "^${target}\$" -fuzztime "$2" -fuzzminimizetime 10x "${@:3}" "./$(dirname "${file#./}")"
	done
done
