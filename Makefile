# All commands use .venv, which make creates on first use and updates when
# pyproject.toml changes. To use another Python: make PYTHON=python3.12 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: develop demo dist sbom test test-versions bench gate lint fmt docs clean

develop: $(VENV)/.develop

# On a real Swarm, with an image that the nodes have:
# make demo ENGINE=swarm IMAGE=hello:latest
demo: develop
	$(BIN)/python examples/quickstart.py $(if $(ENGINE),--engine $(ENGINE)) \
		$(if $(IMAGE),--image $(IMAGE))
	@echo "Try next, in two terminals:"
	@echo "    $(BIN)/aiodockercloud serve"
	@echo "    $(BIN)/aiodockercloud up examples/docker-cloud.yml"

# Some of the tests: make test ARGS="tests/shared/test_wire.py -k paging"
# Four processes on two cores: most tests wait for containers, a Swarm or old clients.
test: develop
	$(BIN)/python -m pytest --numprocesses 4 $(ARGS)

# The wheel and the source distribution, checked.
dist: develop
	$(PIP) install --editable '.[release]'
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

# What an installation of the server consists of, as a CycloneDX bill of materials.
sbom: dist
	scripts/venv $(PYTHON) .venv-sbom
	.venv-sbom/bin/python -m pip --quiet install "$$(ls dist/*.whl)[server,speedups]"
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
		--output-file dist/sbom.json .venv-sbom/bin/python

# The tests that need no Swarm, from the wheel: with the lowest declared version of every
# dependency on the oldest Python of this machine, and with the newest versions on each
# newer Python.
test-versions: dist
	scripts/test-versions lowest $(ARGS)
	scripts/test-versions newest $(ARGS)

# Ratios to peers, measured in the same run; writes docs/performance.md. A part of them:
# make bench ARGS=server. The Swarm's rows need DOCKER_HOST.
bench: develop
	$(PIP) install --editable '.[bench]'
	$(BIN)/python -m benchmarks $(ARGS)

# The instructions of requests, counted by valgrind, against the bounds that are stored.
gate: develop
	$(BIN)/python -m benchmarks.instructions

lint: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	# Programs for Python 2.7, which the rules above do not fit.
	$(BIN)/ruff check --isolated --select F tests/support/oldclients
	$(BIN)/mypy
	$(BIN)/mypy docs/index.py docs/quickstart.py docs/*/*.py docs/*/*/*.py
	$(BIN)/python -m tests.support.snippets build/snippets
	$(BIN)/mypy --allow-untyped-defs build/snippets
	$(BIN)/pyright --pythonpath $(BIN)/python
	PYTHONPATH=$(CURDIR) $(BIN)/pyright --pythonpath $(BIN)/python \
		--verifytypes aiodockercloud --ignoreexternal
	$(BIN)/lint-imports

fmt: develop
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: develop
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky docs docs/_build

clean:
	rm -rf $(VENV) .venv-py27 .venv-lowest .venv-newest .venv-sbom docs/_build dist build
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.develop: pyproject.toml scripts/venv
	scripts/venv $(PYTHON) $(VENV)
	$(PIP) install --editable '.[test,lint,docs]'
	touch $@
