# One command each; every target builds what it needs. See README.md.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg
export DO_NOT_TRACK ?= true
export MLFLOW_DISABLE_TELEMETRY ?= true
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false

.DEFAULT_GOAL := help
.PHONY: help env demo test test-all lint types bench example lock clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

env: $(VENV)/.ready  ## the environment, from the hashed lock file

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info[:2] >= (3, 11), "Python 3.11 is needed"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-pip.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: env  ## the main job on the bundled, simulated example trial
	$(BIN)/netest demo

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: env
	$(BIN)/mypy

test: lint types  ## what CI runs: style, types, floors, tests
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint types  ## the tests and the slow campaigns
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

bench: env  ## measured claims: see benchmarks/README.md
	$(BIN)/python -m benchmarks

example: env  ## remake the bundled example trial, byte for byte
	$(BIN)/netest simulate --out data/example --truth data/example_truth.csv

lock:  ## remake the lock files (needs uv)
	uv --no-config pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate \
		--python-version 3.11 --extra dev pyproject.toml -o requirements.lock
	awk '/^pip==/{p=1} p && /^[a-z]/ && !/^pip==/{p=0} p' requirements.lock > requirements-pip.lock

clean:  ## remove the environment and the demo home
	rm -rf $(VENV) var
