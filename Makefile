# Paperboy's doors for people: make run, make test, make lint, make bench.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: run test lint bench

.venv/run.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: .venv/run.stamp
	@$(BIN)/python manage.py run

test: .venv/dev.stamp
	$(BIN)/pytest -n auto

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks
