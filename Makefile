# Paperboy's doors for people: make run, make test, make lint, make bench.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
.PHONY: run test lint bench

.venv/run.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Paperboy needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	@echo "Installing what Paperboy needs into .venv, once."
	@$(PYTHON) -m venv .venv
	@$(PIP) -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	@echo "Installing the tools of its developers, once."
	@$(PIP) -e '.[dev]'
	@touch $@

run: .venv/run.stamp
	@$(BIN)/python manage.py run

test: .venv/dev.stamp
	@$(BIN)/python -m pytest -n auto

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks
