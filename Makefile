# Everything runs in .venv, made on first use and again whenever the dependencies change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo-output

NEWEST := .venv-newest

.PHONY: demo test newest lint types check bench clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[demo]'
	touch $@

demo: $(READY)  ## Magnify a trembling scene (or VIDEO=file) and write the result to demo-output/
	$(BIN)/motionloupe demo --output $(DEMO) --force $(if $(VIDEO),"$(VIDEO)")

test: $(READY)  ## The whole test suite: two processes of one thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

newest:  ## The suite with the newest of everything, as users install it; PYTHON=python3.13 for another
	$(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(NEWEST)/bin/python -m pip install --quiet --upgrade --group dev --editable '.[demo]'
	OMP_NUM_THREADS=1 $(NEWEST)/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

check: lint types test

bench: $(READY)  ## Frames per second and memory of every method beside plain transcoding
	$(BIN)/python -m benchmarks.speed $(ARGS)

clean:
	rm -rf $(VENV) $(NEWEST) $(DEMO) .mypy_cache .ruff_cache .pytest_cache dist
