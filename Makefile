# make run: set up and serve.  make test: set up and test.  make help: the rest.
PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
INSTALLED_DEV = $(VENV)/.installed-dev
ARGS ?=

.PHONY: help setup models index run test lint types check quality bench lock clean

help:  ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(INSTALLED) models  ## Install the pinned requirements and fetch the models

$(BIN)/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 10) else f"Python {v[0]}.{v[1]} found, 3.10 or later needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_FLAGS) -r requirements.txt
	touch $@

$(INSTALLED_DEV): requirements-dev.txt $(INSTALLED)
	$(BIN)/python -m pip install $(PIP_FLAGS) -r requirements-dev.txt
	touch $@

models: $(INSTALLED)  ## Fetch the embedder and the chat model that fits this machine
	$(BIN)/python scripts/download_model.py --defaults

index: $(INSTALLED)  ## Build the index, or bring it up to date
	$(BIN)/python scripts/build_index.py $(ARGS)

run: $(INSTALLED) models  ## Set up and serve on http://127.0.0.1:7860
	ASSISTANT_BUILD_MISSING_INDEX=true $(BIN)/python app.py

test: $(INSTALLED_DEV)  ## Set up and test
	$(BIN)/python -m pytest $(ARGS)

lint: $(INSTALLED_DEV)  ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) --no-print-directory types

types: $(INSTALLED_DEV)  ## Types alone
	$(BIN)/mypy assistant app.py scripts tests

check: lint test  ## All checks, as CI runs them

quality: $(INSTALLED_DEV)  ## Floors of retrieval and refusal, on the index in use
	QUALITY=1 $(BIN)/python -m pytest tests/quality

bench: $(INSTALLED_DEV)  ## The comparisons in docs/benchmarks.md
	$(BIN)/python scripts/benchmark.py $(or $(ARGS),index)

lock: $(INSTALLED)  ## Update the pins in requirements.txt and requirements-dev.txt
	for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --universal --python-version 3.10 --fork-strategy requires-python \
	    --no-header --no-annotate $$name.in -o $$name.txt || exit 1; \
	  sed -i -E '/^(nvidia-|cuda-|triton)/d' $$name.txt; \
	done

clean:  ## Remove the environment, clones and index; models stay
	rm -rf $(VENV) knowledge/repos vector_db/current vector_db/versions vector_db/embeddings
