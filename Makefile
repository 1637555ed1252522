# Two commands do everything on a fresh machine with Python >= 3.11, pip and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check gpu-check lint types format venv clean

demo: $(READY)  ## train on the embedded data set; without a terminal it runs headless
	$(BIN)/cifar-tui demo

test: $(READY)  ## run the tests, in one process more than there are cores (many of them wait), at most four
	$(BIN)/python -m pytest --dist loadfile \
		--numprocesses $$($(BIN)/python -c 'import os; print(min((os.cpu_count() or 1) + 1, 4))')

check: lint types test  ## everything that has to be green

gpu-check: $(READY)  ## what only a GPU can show: its tests, then its figures
	$(BIN)/python -m pytest -m gpu tests/gpu
	$(BIN)/python tests/bench/gpu_check.py $(GPU_CHECK)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: $(READY)  ## make the virtual environment

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "cifar-tui needs Python 3.11 or newer: name one with make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "setting up $(VENV) (about a minute; PyTorch is large)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
