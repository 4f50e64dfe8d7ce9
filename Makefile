# make setup: .venv with everything; make train: the main job; make test: linters, types and tests.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup train smoke test lint clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

train: $(STAMP)
	$(BIN)/python -m conself.train $(ARGS)

# The same job on a few problems: does everything run? (about half a minute)
smoke: $(STAMP)
	$(BIN)/python -m conself.train size=smoke $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict conself experiments

test: lint
	$(BIN)/python -m pytest --cov=conself --cov-report=term:skip-covered --cov-fail-under=90

clean:
	rm -rf .venv artifacts runs multirun
