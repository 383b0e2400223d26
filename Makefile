# Two commands for a fresh machine: `make run` and `make test`. Each makes .venv and installs what constraints.txt pins, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test lint typecheck unit docs faults results bench bench-peers bench-peers-results engines whole-days bench-live soak soak-live clean help

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

run: $(STAMP) ## the simulated market through the whole pipeline, in paper mode
	@$(BIN)/flashcrash run

test: $(STAMP) lint typecheck unit ## everything that CI checks

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(STAMP) ## mypy --strict
	$(BIN)/mypy

unit: $(STAMP) ## all tests, on both cores
	$(BIN)/pytest -n 2 --dist worksteal

docs: $(STAMP) ## write the generated pages of docs/ anew (installs matplotlib for the plots)
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --editable '.[docs]'
	PYTHONPATH=docs:tests $(BIN)/python -m generate

faults: $(STAMP) ## every planted fault through its battery, as a table: no check is decoration
	$(BIN)/python tests/contract/planted_table.py

results: $(STAMP) ## write docs/results.md anew (needs FLASHCRASH_DATA)
	$(BIN)/python benchmarks/write_results.py

bench: $(STAMP) ## streaming benchmark with its reference loop
	$(BIN)/python benchmarks/streaming.py

bench-peers: $(STAMP) ## against hftbacktest and NautilusTrader, each in an environment of its own
	$(BIN)/python benchmarks/peers/run.py

bench-peers-results: $(STAMP) ## the same with cost growth, and write benchmarks/RESULTS.md
	$(BIN)/python benchmarks/peers/run.py --growth --results

engines: $(STAMP) ## 200 seeded markets of twenty minutes through both engines
	FLASHCRASH_SEEDS=200 $(BIN)/pytest -n 2 tests/unit/batch/test_engines_agree.py

whole-days: $(STAMP) ## simulated days through both engines, whole reports compared (DAYS=3)
	$(BIN)/python tests/whole_days.py --days $(or $(DAYS),3)

soak: $(STAMP) ## the long suites: thousands of seeds and schedules of faults
	FLASHCRASH_SEEDS=3000 FLASHCRASH_SOCKET_SCHEDULES=200 $(BIN)/pytest -n 2 -m slow
	FLASHCRASH_SCHEDULES=5000 $(BIN)/pytest -n 2 tests/integration/binance/test_fault_schedules.py

bench-live: $(STAMP) ## the live feed over loopback: latency from socket to decision at 1,000 and 5,000 messages a second, highest rate
	$(BIN)/python benchmarks/live_feed.py --highest

soak-live: $(STAMP) ## memory and recovery of a live run under storms of reconnections (DURATION=3600 seconds)
	$(BIN)/python benchmarks/live_soak.py --duration $(or $(DURATION),3600)

# The stamp depends on what decides the installation, so a second call does not reinstall.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
