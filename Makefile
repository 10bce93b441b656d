# Everything a fresh clone needs: python3, make, and the package registries.
VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: venv
venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet -e '.[dev]'
	touch $@
