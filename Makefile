# Everything happens in .venv, made on first use and brought up to date when
# pyproject.toml changes. Another Python than python3: make PYTHON=python3.12 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: develop demo test bench lint fmt docs clean

develop: $(VENV)/.develop

# On a real Swarm, with an image that its nodes have:
# make demo ENGINE=swarm IMAGE=hello:latest
demo: develop
	$(BIN)/python examples/quickstart.py $(if $(ENGINE),--engine $(ENGINE)) \
		$(if $(IMAGE),--image $(IMAGE))

# One test or a few: make test ARGS="tests/shared/test_wire.py -k paging"
# Side by side, for most of them wait: for containers, for a Swarm, for old clients.
test: develop
	$(BIN)/python -m pytest --numprocesses 4 $(ARGS)

# Ratios against bare aiohttp, both measured in the same run.
# What many containers cost on a Swarm: DOCKER_HOST=… .venv/bin/python benchmarks/swarm.py
bench: develop
	$(PIP) install --editable '.[bench]'
	$(BIN)/python benchmarks/client.py

lint: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: develop
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky docs docs/_build

clean:
	rm -rf $(VENV) .venv-py27 docs/_build dist build
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.develop: pyproject.toml scripts/venv
	scripts/venv $(PYTHON) $(VENV)
	$(PIP) install --editable '.[test,lint]'
	touch $@

$(VENV)/.docs: $(VENV)/.develop
	$(PIP) install --editable '.[docs]'
	touch $@
