# make demo    synthesizes speech, trains a small recognizer on it, scores it, transcribes with it
# make test    lint, format check, types, tests
# make check   the same without the tests, in seconds
# make setup   only the virtual environment (the others do it when needed)
#
# Settings:  make test PYTHON=python3.12        which Python makes .venv
#            make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
#                                               the CPU build of torch (200 MB) instead of PyPI's CUDA build (GBs)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
PYTEST_ARGS ?= -n 2 --dist worksteal

# The first of these that runs and is 3.11 to 3.13 (a name on the PATH may be an empty shim). 3.11 first: the
# figures in the README were taken with it.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& echo "$$name" && break; done)

.PHONY: help setup demo test check format clean

help:
	@sed -n '/^# /{s/^# //p;};/^$$/q' Makefile

setup: $(VENV)/.installed

# The stamp is newer than both files when what they ask for is installed.
$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "earwright needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV); the first time this takes a minute or several"
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[train,synthesize,dev]'
	@touch $@

demo: setup
	$(BIN)/earwright demo

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest $(PYTEST_ARGS)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
