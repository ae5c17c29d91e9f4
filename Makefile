# pixelpipe: `make demo` and `make test` work on a fresh machine with Python 3.11+; each sets itself up first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint style types run-tests format tiny-base server pools deploy worker-gpu worker-cpu clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(INSTALLED) ## the whole story on synthetic portraits, on the CPU, in a few minutes
	$(BIN)/pixelpipe demo

test: style ## lint, types, import rules and tests
	@$(MAKE) --no-print-directory --jobs 2 types run-tests

lint: style types ## lint, types, import rules

style: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(INSTALLED)
	$(BIN)/pyright --pythonpath $(BIN)/python

run-tests: $(INSTALLED)
	$(BIN)/pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder  # of two cores: servers' tests mostly wait

format: $(INSTALLED) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --- Prefect on this machine: one terminal each for the server and the workers (docs/prefect.md) ---
PORT ?= 4200
GPU ?= 0
# Of these targets alone: a demo and the tests start servers of their own.
pools deploy worker-gpu worker-cpu: export PREFECT_API_URL ?= http://127.0.0.1:$(PORT)/api

server: $(INSTALLED) ## Prefect's server, on 127.0.0.1:4200 (PORT=...)
	@$(BIN)/python -m flows.server $(PORT)

pools: $(INSTALLED) ## the work pools and queues on the server
	@$(BIN)/python -m flows.pools

deploy: pools ## register the deployments and the automations
	$(BIN)/prefect --no-prompt deploy --all
	@$(BIN)/python -m flows.parameters
	@$(BIN)/python -m flows.automations

worker-gpu: $(INSTALLED) ## a worker for one GPU (GPU=0), one experiment at a time
	@$(BIN)/python -m flows.worker --pool pixelpipe-gpu --gpu $(GPU)

worker-cpu: $(INSTALLED) ## a worker for what needs no GPU
	@$(BIN)/python -m flows.worker --pool pixelpipe-cpu

tiny-base: $(INSTALLED) ## make the tiny base anew (about an hour on two cores)
	$(BIN)/python -m pixelpipe.models.pretrain_tiny --out pixelpipe/models/tiny

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis *.egg-info

# The stamp is written last: an install that was interrupted is done again. The pip of Python 3.11 takes a minute to choose
# versions that are pinned, so a newer one is used where there is one; it shows everybody what setuptools says of editable
# installs. pip compiles on one core, and a third of it is never imported: tests of packages, other models. As pip does,
# compileall passes over the few files for another Python.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
NEVER_IMPORTED := /tests/|/transformers/models/(?!auto|clip)[^/]+/|/diffusers/pipelines/(?!stable_diffusion/)[^/]+/
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "pixelpipe needs Python 3.11 or newer; name one with make PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	-$(PIP) --upgrade pip
	PYTHONWARNINGS=ignore $(PIP) --no-compile -e '.[dev]'
	@$(BIN)/python -m compileall -qq --workers 0 -x '$(NEVER_IMPORTED)' $(VENV)/lib || true
	@touch $@
