# The two commands of the README. A fresh machine needs Python 3.10 or newer with pip, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KERAS2 := .venv-keras2
LIGHT := .venv-light
# TensorFlow 2.15, the last with Keras 2, needs Python 3.10 or 3.11: the first of these that is one.
KERAS2_PYTHON ?= $(shell for p in $(PYTHON) python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null && { echo $$p; break; }; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint unit light benchmark clean

demo: $(VENV)/.demo  ## train, save, diff, load elsewhere and, with Docker, build and prove an image
	$(BIN)/python tests/examples/digits/demo.py build/demo

test: lint unit  ## everything that CI runs

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.test $(if $(KERAS2_PYTHON),$(KERAS2)/.ready)
	$(BIN)/python -m pytest

light: $(LIGHT)/.ready  ## the tests that need no TensorFlow, under $(PYTHON)
	$(LIGHT)/bin/python -m pytest -m "not tensorflow"

benchmark: $(VENV)/.test  ## ratios to bare Python and bare Keras, measured in one run
	$(BIN)/python benchmarks/run.py

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("envlock needs Python 3.10 or newer; this is " + sys.version.split()[0] + " (make PYTHON=... takes another)")'
	@echo "-- making $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.demo: $(VENV)/.created pyproject.toml
	@echo "-- installing TensorFlow and envlock into $(VENV); the first time takes a minute or two"
	$(BIN)/python -m pip install --editable . --group demo
	@touch $@

$(VENV)/.test: $(VENV)/.demo pyproject.toml
	@echo "-- installing the tools for the tests"
	$(BIN)/python -m pip install --group test
	@touch $@

$(LIGHT)/.ready: pyproject.toml
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(LIGHT)/bin/python -m pip install --quiet --editable . --group light
	@touch $@

$(KERAS2)/.ready: pyproject.toml
	@echo "-- making $(KERAS2) with TensorFlow 2.15 for the tests across Keras generations"
	$(KERAS2_PYTHON) -m venv $(KERAS2)
	$(KERAS2)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(KERAS2)/bin/python -m pip install --editable . --group keras2
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
