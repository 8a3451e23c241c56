# Drawbridge. `make` lists the targets.
SHELL      := /bin/bash
.SHELLFLAGS := -euo pipefail -c
GO         ?= go
TAGS       := nolibopusfile
BIN        := bin/drawbridge
GOFLAGS_   := -trimpath -tags $(TAGS)
# Packages whose tests need neither the binary nor a browser.
UNIT        = $$($(GO) list -tags $(TAGS) ./... | grep -vE '^drawbridge/tests(/load)?$$')

.DEFAULT_GOAL := help
.PHONY: help run selftest build test test-unit test-blackbox check lint bench bench-media bench-sip bench-echo bench-connect test-long soak fresh fuzz torture border leakscan deps test-deps clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: build ## build and start the demo: a phone page on http://localhost:8080/ and an echo trunk
	@$(BIN) demo

selftest: build ## place one WebRTC call to the echo trunk and print the verdict as one JSON line
	@$(BIN) demo --selftest

build: deps ## build bin/drawbridge
	@mkdir -p bin
	@$(GO) build $(GOFLAGS_) -o $(BIN) ./cmd/drawbridge

test: deps test-deps test-unit test-blackbox ## every test: unit, flows, SIPp, real browsers

test-unit: deps ## unit tests and call flows in virtual time
	$(GO) test -tags $(TAGS) $(UNIT)

test-blackbox: build test-deps ## the binary with SIPp phones and real Chromium
	DRAWBRIDGE_BINARY=$(CURDIR)/$(BIN) $(GO) test -tags $(TAGS) -count=1 -p 1 -parallel 12 -timeout 9m ./tests ./tests/load # one waits for the other (gateway.Alone): -p 1 keeps the wait out of its time

LONG = DRAWBRIDGE_BINARY=$(CURDIR)/$(BIN) $(GO) test -tags $(TAGS) -count=1 -timeout 15m
test-long: build test-deps ## what takes longer than `make test` has time for, with real Chromium; some of it as root
	$(LONG) -run '^TestLong' ./tests -args -long

check: deps lint ## the gate before a commit: vet, lint, architecture, tidy, race, short fuzzing
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "gofmt: the files above need formatting"; exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(GO) mod tidy -diff
	$(GO) test -tags $(TAGS) -run 'TestArch' ./tests
	$(GO) test -race -tags $(TAGS) $(UNIT)
	CGO_ENABLED=0 $(GO) build -tags noopus ./...
	$(MAKE) --no-print-directory fuzz FUZZTIME=50000x

lint: ## the linters of .golangci.yml
	@cd tools && $(GO) build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@bin/golangci-lint run ./...

# A count, not a time: at the end of a time a run without a finding fails now and then (a race in testing's own clean-up).
FUZZTIME ?= 200000x
fuzz: deps ## every fuzz target for FUZZTIME executions (200000x)
	@build/fuzz.sh $(TAGS) $(FUZZTIME)

torture: build ## RFC 4475 and RFC 5118 messages and odd SDP at the running gateway; tools from ../shared/tools
	@$(GO) run -tags $(TAGS) ./tests/torture -binary $(BIN)

border: build ## floods, scans, limits, fraud, dead trunks and reloads at the running gateway; some of it as root; last line pass=.. fail=..
	@build/deps.sh border
	@$(GO) build $(GOFLAGS_) -o bin/border ./tests/border
	@bin/border -binary $(BIN)

leakscan: build ## what of one side can be read on the other, in every message of calls of every kind; last line messages=.. leaks=..
	@$(GO) build $(GOFLAGS_) -o bin/leakscan ./tests/leakscan
	@bin/leakscan -binary $(BIN)

bench: bench-media
bench-media: build ## CPU per relayed packet and transcoded call, delay, loss, memory of calls; beside rtpengine in the same run
	@build/deps.sh bench
	@$(GO) build -tags $(TAGS) -o bin/bench ./tests/bench
	@bin/bench -binary $(BIN)

bench-sip: build ## CPU per call in signalling, alone and beside Kamailio with rtpengine; overload; memory of held calls
	@build/deps.sh bench
	$(GO) build -o bin/benchsip ./tests/benchsip
	@nice -n -10 bin/benchsip -binary $(BIN) # ahead of what else runs; goes on as it is without the right to

bench-echo: build test-deps ## echo through a real Chromium, transcoded and passed through, beside Kamailio with rtpengine
	@build/deps.sh bench
	@$(LONG) -v -run '^TestEchoRoundTrip$$' ./tests -args -long

bench-connect: build test-deps ## how long after the 200 a real Chromium has ICE and DTLS behind it
	@$(LONG) -v -run '^TestConnectsWithinMilliseconds$$' ./tests -args -long

DURATION ?= 15m
soak: build ## calls of every kind at 200 a second for DURATION (15m), then what was not given back
	$(GO) build -tags $(TAGS) -o bin/soak ./tests/soak
	@nice -n -10 bin/soak -binary $(BIN) -duration $(DURATION) # ahead of what else runs; goes on as it is without the right to

fresh: ## as root: clone, make run and a call in an empty Debian tree; times and screenshots in tests/out
	@build/deps.sh fresh
	$(GO) run ./tests/fresh -out tests/out

deps: ## install what building needs (Debian: libopus-dev, pkg-config, a C compiler)
	@build/deps.sh build

test-deps: ## install what the tests need (Debian: chromium, sip-tester; npm packages by lock file)
	@build/deps.sh test

clean: ## remove what was built
	rm -rf bin tests/browser/node_modules tests/browser/dist
