# Everything a fresh clone needs: python3 (3.11 or newer), make, and the package registries as pip and npm are set up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# LOCKED=1 installs exactly the releases that requirements/ pins, by their hashes.
LOCKED ?=
MINUTES ?= 30
KILLS ?= 100
FOLDERS := server models pipelines clients

.PHONY: venv demo serve test unit cluster lint typing models pull soak chaos lock audit fuzz crossing kills clean

# Ask a server of one's own a recorded question, and show what happens.
demo: $(VENV)/.installed
	$(BIN)/affetto demo

# The same server, left running.
serve: $(VENV)/.installed
	$(BIN)/affetto serve

# Lint, types, unit tests, stock clients, and one conversation with the real models.
test: lint typing
	$(BIN)/affetto pull embedded smollm2-135m
	$(BIN)/python -m pytest -m "not cluster"

# Without the real models, the packaging and the Node client: seconds.
unit: $(VENV)/.installed
	$(BIN)/python -m pytest -n 4 --dist loadfile -m "not models and not packaging and not node and not cluster"

# 500 calls in real time for MINUTES, to two processes at one port: nothing may grow, break or be dropped.
soak: $(VENV)/.installed
	$(BIN)/affetto soak --workers 2 --minutes $(MINUTES)

# The stages on a Ray cluster of two nodes of this machine; one of them dies. Minutes.
cluster: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cluster]'
	$(BIN)/python -m pytest -m cluster tests/test_cluster.py

# A hundred processes (gateways, models, the database) and lines killed at random while twenty people talk: nothing may be lost.
chaos: $(VENV)/.installed
	$(BIN)/python tests/chaos.py --kills $(KILLS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The repository root is the package, so mypy gets a folder of links that looks like it.
typing: $(VENV)/.installed
	@mkdir -p build/typing/affetto
	@for item in $(FOLDERS) __init__.py py.typed; do ln -sfn $(CURDIR)/$$item build/typing/affetto/$$item; done
	cd build/typing && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml -p affetto

# The weights of the default server; what is there is not fetched again.
models pull: $(VENV)/.installed
	$(BIN)/affetto pull

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Affetto needs Python 3.11 or newer, this is %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@echo "installing packages into $(VENV) (1 GB): a minute or more the first time, as the network is"
	$(if $(LOCKED),$(PIP) --require-hashes --requirement requirements/dev.txt)
	$(PIP) --use-pep517 $(if $(LOCKED),--no-deps) --editable '.[dev]'
	@touch $@

# Pin all that the package and its tests need, with hashes; UPGRADE=1 takes the newest releases.
lock: $(VENV)/.installed
	$(PIP) uv
	$(BIN)/uv pip compile $(COMPILE) --output-file requirements/affetto.txt pyproject.toml
	$(BIN)/uv pip compile $(COMPILE) --extra dev --output-file requirements/dev.txt pyproject.toml

COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(if $(UPGRADE),--upgrade)

# Known vulnerabilities in what is pinned: exit status 3 where the database cannot be reached (make shows it as "Error 3").
audit:
	.ci/audit

# Every parser of ours against what Hypothesis thinks up: ten minutes for each target, or SECONDS=.
SECONDS ?= 600
fuzz: $(VENV)/.installed
	AFFETTO_FUZZ_S=$(SECONDS) $(BIN)/python -m pytest tests/test_fuzz_parsers.py tests/test_server_sequences.py tests/test_server_schema.py -q

# Two people in step for 10,000 turns, each with a secret: nothing crosses.
crossing: $(VENV)/.installed
	AFFETTO_TURNS=10000 $(BIN)/python -m pytest tests/test_server_crossing.py -q

# A writer of memory killed a hundred times.
kills: $(VENV)/.installed
	AFFETTO_KILLS=100 $(BIN)/python -m pytest tests/test_memory_kill.py -q

# Not the weights: they lie in the user's cache folder (`affetto pull --list` says where).
clean:
	rm -rf $(VENV) build demo-output *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
