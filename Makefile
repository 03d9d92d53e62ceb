# Everything a newcomer needs: `make demo`, `make test`. Python 3.11+ and make are enough; .venv is made on the way.
# Other Python:       make PYTHON=/path/to/python3.12 demo
# Further arguments:  make demo ARGS="--exit --fresh"      make test ARGS="-k wechat"
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers migrations bench bench-peers bench-docs shots lock clean venv venv-dev

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)
endif
ARGS ?=
BIN := .venv/bin
RUFF_PATHS := bot config tasks scripts tests $(wildcard benchmarks)

help:
	@echo "make demo    the whole product in rehearsal, in one go (ARGS=--exit to stop when all is live)"
	@echo "make test    the whole test suite, on SQLite and PostgreSQL (ARGS are pytest's)"
	@echo "make check   what CI runs: format, lint, types, layers, migrations, tests"
	@echo "make bench   floor, warm requests, Tongfa: some minutes (docs/explanation/performance.md lists the others)"
	@echo "make bench-peers   beside Celery, APScheduler, Huey, Dramatiq, RQ"
	@echo "make shots   every screen into artifacts/shots/, the handbook's into docs/ (ARGS: names, --handbook, --quick)"
	@echo "make lock    requirements/*.in -> *.txt (ARGS are uv's)        make clean   what the tools left behind"

venv:
	@$(PYTHON) scripts/check_python.py
	@$(PYTHON) scripts/bootstrap.py base

venv-dev:
	@$(PYTHON) scripts/check_python.py
	@$(PYTHON) scripts/bootstrap.py dev

demo: venv
	@$(BIN)/tongfa demo $(ARGS)

test: venv-dev
	@CHROMIUM="$$($(BIN)/python scripts/ensure_browser.py)" && export CHROMIUM && \
		$(BIN)/python scripts/run_tests.py $(ARGS)

check: lint types layers migrations
	@$(MAKE) --no-print-directory test

lint: venv-dev
	@echo "· ruff format --check"
	@$(BIN)/ruff format --check --quiet $(RUFF_PATHS)
	@echo "· ruff check"
	@$(BIN)/ruff check --quiet $(RUFF_PATHS)

types: venv-dev
	@echo "· mypy"
	@TONGFA_HOME=.venv/check-home DATABASE_URL= BROKER_URL= $(BIN)/mypy --no-error-summary

layers: venv-dev
	@echo "· import-linter"
	@$(BIN)/lint-imports --config .importlinter > .venv/layers.log 2>&1 || { cat .venv/layers.log; exit 1; }

migrations: venv-dev
	@echo "· migrations"
	@mkdir -p .venv/check-home
	@TONGFA_HOME=.venv/check-home DATABASE_URL= BROKER_URL= \
		$(BIN)/python -m django makemigrations --check --dry-run --settings config.settings

bench: venv-dev
	@$(BIN)/python -m benchmarks release $(ARGS)

bench-peers: venv-dev
	@$(PYTHON) scripts/bootstrap_peers.py
	@$(BIN)/python -m benchmarks peers $(ARGS)

bench-docs: venv-dev
	@$(PYTHON) scripts/bootstrap_peers.py
	@$(BIN)/python -m benchmarks.pages $(ARGS)

shots: venv-dev
	@CHROMIUM="$$($(BIN)/python scripts/ensure_browser.py)" && export CHROMIUM && $(BIN)/python -m tests.shots $(ARGS)

lock: venv-dev
	@$(BIN)/python scripts/lock.py $(ARGS)

clean:
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache artifacts build dist
	@find bot config tasks scripts tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
