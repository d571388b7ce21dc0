.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEED ?= 1
RUNS ?= 2000
DIR ?= ../shared/oracles

.PHONY: help setup demo up test lint sim test-faults test-more mutants oracles schemas lock bench doctor build clean

help: ## show the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.installed ## create .venv and install what requirements.lock pins

demo: setup ## run the demo: a year of renegotiation on the embedded servers
	$(BIN)/parley demo

up: setup ## start the platform on the embedded servers
	$(BIN)/parley up

test: setup lint ## linters and every test
	$(BIN)/python -m pytest --servers without -n 2 --dist loadscope
	$(BIN)/python -m pytest --servers with

lint: setup ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

sim: setup ## simulate the runtime under faults: make sim SEED=1 RUNS=2000
	$(BIN)/python -m shared.runtime.simulation --seed $(SEED) --runs $(RUNS)

test-faults: setup ## kill, pause and poison replicas and brokers by a seeded plan: make test-faults SEED=1
	PARLEY_FAULT_SEED=$(SEED) $(BIN)/python -m pytest tests/fault/test_nemesis.py tests/fault/test_kill_points.py \
	  tests/fault/test_parked_besieged.py -m slow -s --show-capture=no

test-more: setup ## what CI runs besides: lives under the nemesis, kills, replays, upgrades, an older backup restored
	$(BIN)/python -m pytest -m slow \
	  tests/runtime/test_mongo_durable.py tests/fault/test_garbage.py \
	  tests/fault/test_dead.py tests/fault/test_evidence.py tests/fault/test_migrate.py tests/fault/test_parked.py \
	  tests/fault/test_restore.py tests/fault/test_upgrade.py tests/fault/test_notice.py tests/fault/test_staff.py \
	  tests/fault/test_kill_points.py::test_killed_where_it_hurts_most \
	  tests/fault/test_killed.py::test_everything_is_killed_in_turn_and_nothing_is_lost \
	  tests/fault/test_nemesis.py::test_two_replicas_under_every_kind_of_fault \
	  tests/fault/test_replicas.py::test_two_whole_platforms_one_is_killed_and_another_comes \
	  tests/fault/test_replicas.py::test_a_day_that_is_lived_while_alert_is_still_at_the_one_before

mutants: setup ## break each rule of the runtime and see that a test notices
	$(BIN)/python -m pytest tests/simulation/test_mutants.py -m "slow or not slow"

oracles: setup ## compare the lending core with published figures: make oracles DIR=../shared/oracles
	$(BIN)/python -m tests.oracles $(DIR)

schemas: setup ## write deploy/schemas from the contracts
	$(BIN)/parley schemas

PIN := uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --prerelease if-necessary-or-explicit --no-emit-index-url --no-emit-find-links --no-header

lock: setup ## pin the dependencies again: all of them, and of those what a container needs
	$(BIN)/$(PIN) --extra dev -o requirements.lock pyproject.toml
	$(BIN)/$(PIN) --constraints requirements.lock --overrides deploy/requirements.overrides \
	  -o deploy/requirements.lock pyproject.toml
	echo setuptools | $(BIN)/$(PIN) --constraints requirements.lock -o deploy/requirements.build.lock -

bench: setup ## the pipeline against the bare loop, on the same servers
	$(BIN)/python -m tests.load.bench_pipeline

doctor: setup ## check what a run needs
	$(BIN)/parley doctor

clean: ## remove the virtual environment and the data of the embedded servers
	rm -rf $(VENV) var build dist
