# Every target sets up its own virtual environment in .venv: Python 3.10 or newer, its venv module and make are enough.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test coverage lint format docs pages clean
.DELETE_ON_ERROR:

demo: .venv/base.stamp
	$(BIN)/regrow demo

test: .venv/base.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# The tests once more, with the lines that they run; fails below the floor in pyproject.toml.
coverage: .venv/base.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered --cov-report=xml

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir .mypy_cache/imports

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/docs.stamp
	$(BIN)/mkdocs build --strict

# The pages under docs/ that are made from the code; a test fails where they differ from it.
pages: .venv/base.stamp
	$(BIN)/python docs/settings.py --write
	$(BIN)/python docs/metadata.py --write

clean:
	rm -rf .venv build site dist .coverage coverage.xml .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "regrow needs Python 3.10 or newer: make PYTHON=/path/to/it")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/base.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train,test]'
	touch $@

.venv/dev.stamp: .venv/base.stamp
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

.venv/docs.stamp: .venv/base.stamp
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	touch $@
