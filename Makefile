# SPDX-License-Identifier: BSD-3-Clause
# The one entry. The targets here prepare the machine, and then hand over to
# mk/build.mk, which asks pkg-config for what deploy/setup has just installed.
#
#   VARIANT=release|asan|ubsan|tsan   what to build (build/VARIANT/)
#   V=1                               show the commands
#   E2E='-k NAME'                     options for the end-to-end runner
#   BENCH='-k NAME'                   options for the benchmarks' runner
#   FUZZ_SECONDS=30                   time for each fuzzer
#   DESTDIR= PREFIX=/usr/local        where install puts things

VARIANT ?= release
FUZZ_SECONDS ?= 30
PREFIX ?= /usr/local
E2E ?=
BENCH ?=
export FUZZ_SECONDS PREFIX DESTDIR V

# Parallel unless the caller chose a number of jobs.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
build = $(MAKE) --no-print-directory $(jobs) -f mk/build.mk VARIANT=$(VARIANT)

.DEFAULT_GOAL := all
.PHONY: all demo run test test-unit test-e2e bench bench-relay bench-sip lint fuzz install clean asan ubsan tsan format help

all: ## build the three programs into build/bin/
	@deploy/setup --quiet --hugepages 0
	@+$(build) all

demo: ## two phones call each other through Tandem; prints what they heard
	@deploy/with-setup --test -- $(MAKE) --no-print-directory _demo

run: ## run Tandem in the lab, in the foreground, until Ctrl-C
	@deploy/with-setup --test -- $(MAKE) --no-print-directory _run

test: ## unit and end-to-end tests; the last line is "N passed, M failed"
	@deploy/with-setup --test -- $(MAKE) --no-print-directory _test

test-unit: ## unit tests only
	@deploy/setup --quiet --test --hugepages 0
	@+$(build) all tests
	@mk/test --unit-only --variant $(VARIANT)

test-e2e: ## end-to-end tests only (E2E='-k NAME' selects)
	@deploy/with-setup --test -- $(MAKE) --no-print-directory _test-e2e

# 4 GB: the dataplane with 100,000 calls, and a generator or testpmd beside it.
bench: ## all benchmarks, as JSON lines and a table (BENCH='-k NAME', BENCH=--list)
	@deploy/with-setup --bench --hugepages 2048 -- $(MAKE) --no-print-directory _bench

bench-relay: ## the benchmarks of the relay
	@deploy/with-setup --bench --hugepages 2048 -- \
		$(MAKE) --no-print-directory _bench BENCH='--group relay $(BENCH)'

bench-sip: ## the benchmarks of signalling, next to Kamailio
	@deploy/with-setup --bench --hugepages 512 -- \
		$(MAKE) --no-print-directory _bench BENCH='--group sip $(BENCH)'

asan ubsan tsan: ## build this variant and run the unit tests in it
	@deploy/setup --quiet --test --hugepages 0
	@+$(MAKE) --no-print-directory $(jobs) -f mk/build.mk VARIANT=$@ all tests
	@mk/test --unit-only --variant $@

fuzz: ## build the fuzzers and run each for FUZZ_SECONDS
	@deploy/setup --quiet --fuzz --hugepages 0
	@+$(MAKE) --no-print-directory $(jobs) -f mk/build.mk VARIANT=fuzz fuzzers
	@mk/fuzz

lint: ## formatting, layers, licences, file sizes, cppcheck, shellcheck
	@deploy/setup --quiet --lint --hugepages 0
	@deploy/lint/run

format: ## rewrite the C sources with clang-format
	@deploy/setup --quiet --lint --hugepages 0
	@git ls-files -z '*.c' '*.h' | xargs -0 -r clang-format -i

install: ## install programs, configuration, documents and units (DESTDIR, PREFIX)
	@deploy/setup --quiet --hugepages 0
	@+$(build) all install

clean: ## remove build/
	@rm -rf build compile_commands.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9 -]*:.*## / { n = split($$1, t, " "); \
	    for (i = 1; i <= n; i++) printf "  %-12s %s\n", t[i], $$2 }' $(firstword $(MAKEFILE_LIST))

# What runs inside deploy/with-setup, when the machine is ready.
.PHONY: _demo _run _test _test-e2e _bench
_demo:
	@+$(build) all
	@deploy/demo

_run:
	@+$(build) all
	@deploy/run

# The fuzzers need clang's; where it is not installed (make fuzz does that) they are left out.
_test:
	@+$(build) all tests benches
	@+! command -v clang > /dev/null || \
		$(MAKE) --no-print-directory $(jobs) -f mk/build.mk VARIANT=fuzz fuzzers
	@mk/test --variant $(VARIANT) -- $(E2E)

_test-e2e:
	@+$(build) all benches
	@pktgen_tests/e2e/run $(E2E)

_bench:
	@+$(build) all benches
	@pktgen_tests/bench/run $(BENCH)
