# `make demo` and `make test` need Python 3.11 or newer and git; both set up .venv first.
# `make torture` runs the long campaigns (hours; CAMPAIGN=0.1 a tenth of them), `make bench` writes ratios
# into tests/bench/RESULTS.md (BENCH='--rows 100000' changes the sizes).

# The first Python that is new enough; `make test PYTHON=python3.12` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-lowest lint torture bench clean

demo: $(STAMP)
	$(BIN)/crustframe demo

# The tests that run in a real LibreOffice; CI=true never leaves them out.
IN_OFFICE := test_calc_csv.py test_calc_money.py test_calc_shell.py test_calc_values.py test_crust_bas.py
WITHOUT_OFFICE := $(if $(filter true,$(CI)),,$(if $(shell command -v soffice),,$(IN_OFFICE)))

test: lint
	@$(if $(WITHOUT_OFFICE),echo 'LibreOffice is not installed: $(WITHOUT_OFFICE) are left out.' >&2,:)
	$(BIN)/python -m pytest $(addprefix --ignore=tests/excel_addin/,$(WITHOUT_OFFICE))

# A telling part of the tests on the lowest versions that pyproject.toml names.
LOWEST := .venv-lowest
ON_LOWEST := columns fields people/test_scoring.py people/test_verdict.py tables verbs shell/test_cli.py shell/test_endings.py shell/test_questions.py sandbox/test_sandbox_person.py

test-lowest: $(STAMP)
	$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/python -m uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest -W ignore::DeprecationWarning $(addprefix tests/,$(ON_LOWEST))

torture: $(STAMP)
	CRUSTFRAME_CAMPAIGN=$(or $(CAMPAIGN),full) $(BIN)/python -m pytest tests/torture

# An environment of its own: whole programs are timed, and what a library imports depends on what is installed.
VENV_BENCH := .venv-bench

bench: $(STAMP)
	$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(VENV_BENCH)
	$(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(VENV_BENCH)/bin/python --editable '.[bench]'
	$(VENV_BENCH)/bin/python tests/bench/bench.py $(BENCH)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(LOWEST) $(VENV_BENCH) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

$(STAMP): pyproject.toml
	@if ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo 'crustframe needs Python 3.11 or newer, and "$(PYTHON)" is none. Nothing was installed.' >&2; \
		echo 'Hint: install one, or name it: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3' >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo '"$(PYTHON)" cannot make virtual environments. Nothing was installed.' >&2; \
		echo 'Hint: on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; fi
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
