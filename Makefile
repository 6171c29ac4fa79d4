# Two commands: `make demo` and `make test`. Both make `.venv` and install from constraints.txt first; a second call is instant.
#   make demo TORCH=cu         torch's default build (CUDA on Linux) instead of the small CPU build
#   make test PYTHON=python3.12 VENV=/tmp/venv
PYTHON ?= python3
VENV ?= .venv
TORCH ?= $(if $(wildcard $(VENV)/.torch-cu),cu,cpu)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
CPU_WHEELS := https://download.pytorch.org/whl/cpu
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: demo test test-all check docs bench clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.core
	$(BIN)/neurodyn demo

test: $(VENV)/.test
	$(PYTEST) -m "not slow" -n 2 --dist worksteal

test-all: $(VENV)/.test
	$(PYTEST) -n 2 --dist worksteal --cov --cov-report=term:skip-covered

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.test
	for script in benchmarks/*.py; do OMP_NUM_THREADS=1 $(BIN)/python $$script || exit 1; done

clean:
	rm -rf docs/_build demo htmlcov .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# -- the environment: one stamp a step ------------------------------------------------------------------------------

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "neurodyn needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# On Linux the ordinary index serves the CUDA build, so the CPU build is tried at its own index first; elsewhere they are one.
$(VENV)/.torch-$(TORCH): constraints.txt | $(VENV)/.python
	@rm -f $(VENV)/.torch-*
	@if [ "$(TORCH)" = cpu ] && [ "$$(uname -s)" = Linux ]; then \
	  $(PIP) install -q --no-deps --retries 0 --timeout 5 --index-url $(CPU_WHEELS) -c constraints.txt torch 2>/dev/null \
	    || echo "torch's CPU index is out of reach: taking the build of the ordinary index."; \
	elif [ "$(TORCH)" = cu ]; then \
	  $(PIP) uninstall -q -y torch; \
	fi
	$(PIP) install -q -c constraints.txt torch
	@touch $@

$(VENV)/.core: $(VENV)/.torch-$(TORCH) pyproject.toml
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.test $(VENV)/.docs: $(VENV)/.%: $(VENV)/.core
	$(PIP) install -q -c constraints.txt -e ".[$*]"
	@touch $@
