# Paperboy's commands for people; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
# Byte code is written for the modules that are used, when they are: that halves the time of the installation.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
EXTRAS := resend sentry ses
.PHONY: help run test lint bench format types cov lock

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/run.stamp: pyproject.toml requirements/runtime.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Paperboy needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	@echo "Installing what Paperboy needs into .venv, once; this takes about half a minute."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python requirements/install.py requirements/runtime.txt
	@$(PIP) --no-deps -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.txt
	@echo "Installing the tools of its developers, once."
	@$(BIN)/python requirements/install.py requirements/dev.txt
	@touch $@

run: .venv/run.stamp ## start the service; the first start sets everything up
	@$(BIN)/python manage.py run

test: .venv/dev.stamp ## run the tests on SQLite and the embedded broker
	@$(BIN)/python -m pytest -n auto

lint: .venv/dev.stamp ## check style, import rules, types and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/dev.stamp ## run every benchmark on a sample
	$(BIN)/python -m benchmarks

format: .venv/dev.stamp ## sort imports and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .venv/dev.stamp ## check the types alone
	$(BIN)/mypy

cov: .venv/dev.stamp ## run the tests and say which lines none of them ran
	@$(BIN)/python -m pytest -n auto --cov=newsletter --cov=papers --cov-report=term:skip-covered

lock: .venv/dev.stamp ## write the exact versions and hashes of requirements/ anew
	$(LOCK) --extra dev -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt -o requirements/runtime.txt
	@for extra in $(EXTRAS); do $(LOCK) -c requirements/dev.txt --extra $$extra -o requirements/$$extra.txt; done
