# SPDX-License-Identifier: Apache-2.0
# The front door. Each target is a command or two; what does the work is meson, ninja and scripts/.
# Knobs: CC, DUCKDB_ROOT, DESTDIR, PREFIX, FUZZ_SECONDS, PROPERTY_SERIES, TESTS (names or suites for `meson test`).

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
PROPERTY_SERIES ?= 1000000
comma := ,
MESON_OPTIONS := -Db_ndebug=false $(if $(DUCKDB_ROOT),-Dduckdb_root=$(DUCKDB_ROOT))
# What scripts/setup put there (pytest, ruff, clang-format) comes before what the machine has.
export PATH := $(CURDIR)/.deps/venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup build demo test torture lint format sanitize tsan fuzz properties bench coverage install clean

help: ## list these targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

setup: ## install what building, testing and linting need
	@scripts/setup all

# configure DIR,OPTIONS,ENVIRONMENT: make the build directory once, and anew when set-up brought packages that the last
# time lacked; ninja sees to all else by itself.
configure = if [ ! -f $(1)/build.ninja ]; then $(3) meson setup $(1) $(MESON_OPTIONS) $(2); \
	elif [ .deps/stamps/changed -nt $(1)/build.ninja ]; then meson setup --reconfigure $(1); fi

build: ## leave build/isobar and build/libisobar.so
	@scripts/setup build
	@$(call configure,build,--buildtype=release --prefix=$(PREFIX))
	@ninja -C build

demo: build ## real bars in, an evolved strategy and a report out
	@scripts/demo

test: ## all tests; closes with "N passed, N failed"
	@scripts/setup test
	@$(MAKE) --no-print-directory build
	@scripts/run-tests build $(TESTS)

torture: ## kills, power cuts, failing disks, flipped bits: the store's tests at full length
	@scripts/setup test
	@$(MAKE) --no-print-directory build
	@scripts/torture build

lint: ## every static check: layers, licences, formats, compilers, linters
	@scripts/setup test lint
	@$(call configure,build-lint,--buildtype=debug -Dwerror=true,CC=clang)
	@scripts/lint build-lint

format: ## put C and Python sources into the project's format
	@scripts/setup lint
	@scripts/lint --format

sanitize: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/setup test
	@$(call configure,build-asan,--buildtype=debugoptimized -Db_sanitize=address$(comma)undefined -Db_lundef=false)
	@ninja -C build-asan
	@scripts/run-tests build-asan $(TESTS)

tsan: ## all tests under ThreadSanitizer
	@scripts/setup test
	@$(call configure,build-tsan,--buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false)
	@ninja -C build-tsan
	@scripts/run-tests build-tsan $(TESTS)

fuzz: ## every fuzz target for FUZZ_SECONDS each (60)
	@scripts/setup lint
	@$(call configure,build-fuzz,--buildtype=debugoptimized -Dfuzz=true -Db_sanitize=address$(comma)undefined -Db_lundef=false,CC=clang)
	@ninja -C build-fuzz
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS)

properties: ## what must hold for every series, over PROPERTY_SERIES generated ones (1000000)
	@scripts/setup test
	@$(MAKE) --no-print-directory build
	@PROPERTY_SERIES=$(PROPERTY_SERIES) build/tests/test_segment_properties

bench: build ## the measured tables
	@scripts/bench

coverage: ## line coverage of src/ by the tests, as text and build-cov/coverage/index.html
	@scripts/setup test lint
	@$(call configure,build-cov,--buildtype=debug -Db_coverage=true)
	@ninja -C build-cov
	@scripts/run-tests build-cov $(TESTS)
	@scripts/coverage build-cov

install: build ## install under PREFIX (/usr/local), below DESTDIR where that is set
	@meson configure build -Dprefix=$(PREFIX)
	@ninja -C build
	@meson install -C build --no-rebuild $(if $(DESTDIR),--destdir "$(abspath $(DESTDIR))")

clean: ## remove what was built; .deps/ stays
	@rm -rf build build-lint build-asan build-tsan build-fuzz build-cov
