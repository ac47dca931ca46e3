SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup lock proto docs format check test test-fast chaos chaos-mutants bench-quick run demo \
	contracts release-contracts

help:  ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## make .venv as the lock files say
	@scripts/setup.sh

lock: setup  ## pin requirements/*.in anew
	@scripts/lock.sh

proto: setup  ## make generated/ from protos/
	@scripts/proto.sh

contracts: setup  ## what other languages generate their clients from, in build/contracts
	@scripts/contracts.sh

release-contracts: setup  ## from now on the gate refuses changes that break today's clients
	@scripts/release_contracts.sh

docs: setup  ## make docs/settings.md from the settings' declarations
	@.venv/bin/python scripts/settings_page.py

format: setup  ## put Python and contracts into their format
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format . && .venv/bin/buf format -w

check: setup  ## the gate: format, lint, types, imports, contracts
	@scripts/check.sh

test: setup  ## all tests
	@.venv/bin/pytest --ignore=tests/chaos --ignore=tests/bench

test-fast: setup  ## tests that need no server
	@.venv/bin/pytest tests/unit tests/contract -m "not external_service"

chaos: setup  ## faults of every kind under load, drawn from seeds (SEED=7 for one)
	@.venv/bin/pytest -q tests/chaos && .venv/bin/python -m tests.chaos $(if $(SEED),--seed $(SEED))

chaos-mutants: setup  ## broken versions of Tidings, each of which the faults must show
	@.venv/bin/python -m tests.chaos --mutants

bench-quick: setup  ## how fast, in under a minute; figures in build/bench.json
	@.venv/bin/python -m tests.bench.quick

run: setup  ## Tidings with everything it needs, in this terminal
	@.venv/bin/tidings run

demo: setup  ## send a notification through a running cluster of its own and watch it arrive
	@.venv/bin/tidings demo
