# Scrip needs Python 3.11 or newer and make. `make demo` is the place to begin.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo up test all-tests check lint crash simulate histories model stories bench sweeps
.PHONY: clean setup

# Set PYTHON to take another than the first one here that is new enough and can make a .venv.
PYTHON ?=
NAMES := python3 python3.14 python3.13 python3.12 python3.11 python /usr/bin/python3
PYTHONS := $(or $(PYTHON),$(NAMES))
PROGRAM := .venv/bin
# Making .venv takes about 20 s once; this file's name tells what is in it.
STAMP := .venv/made-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | tr ' ' -)
QUICK := $(wildcard tests/unit tests/property tests/contract tests/architecture)
TYPED := $(wildcard services schemas deploy)
SEEDS ?= 1000
COMMANDS ?= 200000
# More for the benchmark: --only race,latency --json FILE --picture FILE --commit
BENCH ?=
PYTEST := $(PROGRAM)/python -m pytest
# Dozens of processes start in a test run: without cached bytecode each compiles every module anew.
export PYTHONDONTWRITEBYTECODE :=

help: ## say what there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: setup ## a day of five stores on a real broker and database, a worker killed on the way
	@$(PROGRAM)/scrip demo

up: setup ## everything running on this machine until Ctrl-C
	@$(PROGRAM)/scrip up

lint: setup
	$(PROGRAM)/ruff format --check .
	$(PROGRAM)/ruff check .
	$(PROGRAM)/mypy --strict $(TYPED)
	$(PROGRAM)/lint-imports

check: lint ## format, lint, types, imports and the quick tests: before every commit
	$(PYTEST) -q -n 2 $(QUICK)

test: setup ## all that, and simulation, integration, crash, end to end and stories
	@$(MAKE) -j 2 --no-print-directory lint all-tests

# One Kafka and one PostgreSQL for all; most tests wait more than they work, so three go at once.
all-tests: setup
	$(PYTEST) -q -ra --durations=20 -n 3 --no-loadscope-reorder --servers tests

# About 45 minutes; SCRIP_CRASH_TALLY=FILE lets it be run in parts (tests/crash/tally.py).
crash: setup ## the long round: kill -9 at every point, freezes, lost answers, full disk, storms
	SCRIP_LONG=1 $(PYTEST) -v -s -ra --durations=12 tests/crash

simulate: setup ## SEEDS=1000 seeds of the simulator on every core, or the one SEED=984
	$(PROGRAM)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

histories: setup ## a million steps of random histories of all commands, looked at after each
	SCRIP_LONG=1 $(PYTEST) -q -n 2 tests/property/test_whole_histories.py

model: setup ## the model of a card's life explored to its end, about ten minutes a variant
	SCRIP_LONG=1 $(PYTEST) -q -n 2 tests/property/test_life_model.py

stories: setup ## every story, in memory and live
	SCRIP_LONG=1 $(PYTEST) -q -ra tests/stories

bench: setup ## every figure in one run, 200,000 commands in about 10 minutes; COMMANDS=1000000
	$(PROGRAM)/python -m tests.benchmarks.run --commands $(COMMANDS) $(BENCH)

sweeps: setup ## a million accounts that are due, swept beside 500 commands a second
	$(PROGRAM)/python -m tests.benchmarks.sweeps kafka 1000000 120 2

clean: ## remove .venv, kept data and what tools left; the download cache stays
	rm -rf $$(readlink -f .scrip/postgres/moved 2>/dev/null)
	rm -rf .venv .scrip .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf build *.egg-info tests/benchmarks/streams/target

setup: $(STAMP)

$(STAMP): .ci/setup
	@.ci/setup "$@" $(PYTHONS)
