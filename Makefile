# `make serve` and `make test` set everything up in .venv first; `make help` lists the rest.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
COLLECTIONS ?= ../shared/collections
CLAUSES ?= 1000000
QUESTIONS ?= ../shared/golden/questions.jsonl
export KB_HOME ?= $(CURDIR)/var

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help serve build test check format bench bench-parts bench-quality bench-retrieval bench-scale bench-sections bench-traditional screenshots faults clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# not .venv/bin/python, which is there before pip is
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@echo "making .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null || \
		{ echo ".venv has no pip: delete .venv and try again"; exit 1; }
	@touch $@

.venv/.runtime: .venv/.made pyproject.toml constraints.txt
	@echo "installing report-kb and what it needs into .venv (a few minutes the first time)"
	@$(INSTALL) --editable .
	@touch $@

.venv/.development: .venv/.runtime
	@echo "installing what the tests need into .venv"
	@$(INSTALL) --editable '.[dev]'
	@touch $@

.venv/.bench: .venv/.development
	@echo "installing what it is compared with into .venv"
	@$(INSTALL) --editable '.[bench]'
	@touch $@

serve: .venv/.runtime ## search page on http://127.0.0.1:8000 (PORT=..., HOST=...)
	@$(BIN)/kb serve --host $(HOST) --port $(PORT)

build: .venv/.runtime ## index what has changed in var/documents
	@$(BIN)/kb build

test: .venv/.development ## all tests that can run here
	@$(BIN)/python -m pytest

check: .venv/.development ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: .venv/.development ## put the code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv/.bench ## against what one would use otherwise, 10 minutes (BENCH="--json FILE")
	@$(BIN)/python -m tests.benchmarks.speed --questions $(QUESTIONS) --collections $(COLLECTIONS) $(BENCH)

bench-parts: .venv/.bench ## each part of a search alone
	@$(BIN)/python -m pytest tests/benchmarks/parts.py

bench-quality: .venv/.development ## what the faster runtime costs in quality (QUESTIONS=..., COLLECTIONS=...)
	@$(BIN)/python -m tests.benchmarks.quality $(QUESTIONS) $(COLLECTIONS)/cmrc2018-dev $(COLLECTIONS)/xquad-en-zh

bench-retrieval: .venv/.development ## what each signal finds (QUESTIONS=..., COLLECTIONS=...)
	@$(BIN)/python -m tests.benchmarks.retrieval $(QUESTIONS) $(dir $(wildcard $(COLLECTIONS)/*/qrels.tsv))

bench-scale: .venv/.development ## a million clauses on this machine, 20 minutes, 20 GB of disk (CLAUSES=1000000)
	@$(BIN)/python -m tests.benchmarks.million --collections $(COLLECTIONS) --clauses $(CLAUSES)

bench-traditional: .venv/.development ## CMRC in Traditional characters (COLLECTIONS=...)
	@$(BIN)/python -m tests.benchmarks.traditional $(COLLECTIONS)/cmrc2018-dev

bench-sections: .venv/.development ## how well headings are found (COLLECTIONS=...)
	@$(BIN)/python -m tests.benchmarks.sections $(COLLECTIONS)

faults: .venv/.development ## try to lose or break an index, 7 minutes on a quiet machine (FAULTS=--short: 3)
	@$(BIN)/python -m tests.faults $(FAULTS)

screenshots: .venv/.development ## pictures of the pages into docs/
	@$(BIN)/python -m tests.browser.screenshots

clean: ## remove what make made, the documents in var/ too
	rm -rf .venv var build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
