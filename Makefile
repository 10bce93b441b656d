# Everything a fresh clone needs: python3, make, and the package registries as pip and npm are set up.
VENV ?= .venv
BIN := $(VENV)/bin
FOLDERS := server models pipelines clients

.PHONY: demo serve test unit lint typing models pull clean

demo: $(VENV)/.installed
	$(BIN)/affetto demo

serve: $(VENV)/.installed
	$(BIN)/affetto serve

# Lint, types, unit tests, stock clients, and one conversation with the real models.
test: lint typing models
	$(BIN)/python -m pytest

# Without the real models, the packaging and the Node client: seconds.
unit: $(VENV)/.installed
	$(BIN)/python -m pytest -m "not models and not packaging and not node"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The repository root is the package, so mypy gets a folder of links that looks like it.
typing: $(VENV)/.installed
	@mkdir -p build/typing/affetto
	@for folder in $(FOLDERS) __init__.py py.typed; do ln -sfn $(CURDIR)/$$folder build/typing/affetto/$$folder; done
	cd build/typing && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p affetto

models pull: $(VENV)/.installed
	$(BIN)/affetto pull

$(VENV)/.installed: pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build demo-output *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
