# The user's door: every target sets up what it needs in .venv first. Needs only make and Python 3.11 or newer.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet

WORKLOAD ?= workloads/vgg16.yaml
MODE     ?= pipelined
CONFIG   ?= workloads/training/vgg16-reduced.yaml
# For Sphinx: DOCS="-D nb_execution_mode=off" leaves out the pictures of the notebooks, and takes seconds.
DOCS     ?=
# Paths and expressions that pytest is to be given instead of everything: make test TESTS=tests/trace
TESTS    ?= tests
# Each process loads PyTorch, hence no more than four; the tests of a file share what they have trained or replayed.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile

# What an installation depends on: a change here installs again, anything else takes effect at once (editable).
SOURCES := setup.cfg pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test traces paper docs bench mutation oldest lint format types golden clean

help: ## print this
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1#\2/p' $(MAKEFILE_LIST) | while IFS='#' read -r name text; do \
	  printf '  %-8s %s\n' "$$name" "$$text"; done

run: $(VENV)/.core ## replay workloads/vgg16.yaml on the shipped masks (WORKLOAD=, MODE= choose another)
	$(BIN)/mimesim run --mode $(MODE) $(WORKLOAD)

test: $(VENV)/.dev ## run all tests (TESTS= chooses some); installs PyTorch, several GB
	$(BIN)/python -m pytest $(PARALLEL) $(TESTS)

traces: $(VENV)/.train ## learn and record the masks with PyTorch: two hours on two cores (QUICK=1: does it run?)
	$(BIN)/mimesim train $(CONFIG) $(if $(QUICK),--quick)

paper: $(VENV)/.core ## check every claim of the MIME paper, results in out/paper
	$(BIN)/mimesim paper --out out/paper

docs: $(VENV)/.docs ## build the documentation site, out/docs/index.html; warnings are errors (DOCS= adds options)
	$(BIN)/python -m sphinx --quiet --keep-going --fail-on-warning $(DOCS) -c docs/site . out/docs

bench: $(VENV)/.fast .bench/.scalesim ## measure speed and memory, about a quarter of an hour; writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks --scale-sim .bench/bin/python

mutation: $(VENV)/.dev ## put faults into the simulator and see which tests notice; hours
	$(BIN)/python -m benchmarks.mutation --write

oldest: ## test the oldest versions that setup.cfg allows, on Python 3.11 in .oldest; writes benchmarks/oldest/RESULTS.md
	$(PYTHON) -m benchmarks.oldest --write

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check --output-format concise
	$(BIN)/ruff format --check

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix --output-format concise
	$(BIN)/ruff format

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

golden: $(VENV)/.dev ## write the golden files anew; look at the diff before committing it
	$(BIN)/python -m pytest tests/golden tests/test_schema.py --regen-golden

clean: ## remove environments, caches, builds and results under out/ (not traces/, not runs/)
	rm -rf $(VENV) .bench .oldest build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find mimesim tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A stamp stands for a finished step, so that a step cut short is done again.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "mimesim needs Python 3.11 or newer, but $(PYTHON) is %d.%d: make PYTHON=python3.12 ..." % v[:2])'
	@$(PYTHON) -c 'import venv, ensurepip' || { echo 'this Python cannot make environments: install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.made $(SOURCES)
	$(PIP) --editable .
	@touch $@

$(VENV)/.train: $(VENV)/.core
	$(PIP) --editable '.[train]'
	@touch $@

$(VENV)/.docs: $(VENV)/.core
	$(PIP) --editable '.[docs,plot]'
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --editable '.[dev,docs,mutation,plot,report,train]'
	@touch $@

$(VENV)/.fast: $(VENV)/.core
	$(PIP) --editable '.[fast]'
	@touch $@

# SCALE-Sim fails on NumPy 2 (a TypeError in its double-buffered scratchpad), hence an environment of its own.
.bench/.scalesim:
	$(PYTHON) -m venv --clear .bench
	.bench/bin/python -m pip --disable-pip-version-check install --quiet 'scalesim==3.0.0' 'numpy<2'
	@touch $@
