# make demo   run the example suite        make test   run the tests
# make check  format, lint, types, layers   make bench  measure
# Everything is installed into .venv; nothing else on the machine is touched.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := examples/python-self-test
SOURCES := $(shell find src -name '*.py' 2>/dev/null)

.PHONY: demo test test-quick check format bench bench-peers soak clean

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "megatest needs Python 3.11 or newer; name one with: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "this Python cannot make virtual environments (on Debian: install python3-venv)" >&2; exit 2; }

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ $(VENV)/.run

# Commands start in a fraction of the time when their bytecode is there.
$(VENV)/.compiled: $(SOURCES) | $(VENV)/bin/python
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: $(VENV)/.run $(VENV)/.compiled
	@echo "+ megatest run --area $(DEMO)"
	@$(BIN)/megatest run --area $(DEMO); code=$$?; \
	  if [ $$code -gt 1 ]; then exit $$code; fi
	@echo; echo "One test fails on purpose, and the test behind it cannot run. Ask why:"
	@echo "+ megatest why --area $(DEMO) exact_sums"
	@$(BIN)/megatest why --area $(DEMO) exact_sums
	@echo; echo "Next: $(BIN)/megatest list --area $(DEMO)   (README.md has a tour)"

test: $(VENV)/.dev $(VENV)/.compiled
	$(BIN)/python -m pytest -n auto --dist loadfile -q

test-quick: $(VENV)/.dev $(VENV)/.compiled
	$(BIN)/python -m pytest -q tests/unit tests/property

check: $(VENV)/.dev $(VENV)/.compiled
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

bench: $(VENV)/.dev $(VENV)/.compiled
	$(BIN)/python -m bench
	$(BIN)/python -m bench.executors

bench-peers: $(VENV)/.dev $(VENV)/.compiled
	$(BIN)/python -m bench peers

soak: $(VENV)/.dev $(VENV)/.compiled
	$(BIN)/python -m pytest -q -m soak tests/fault

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
