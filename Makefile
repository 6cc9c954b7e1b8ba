# make run    install kvnet, then render an example, define it on a libvirt inside the process, and as root bring it up
# make test   install everything, then lint, types, docs and every test, with coverage and its floor
# make bench  measure beside the alternatives, and fail where a promise is broken
# make growth measure how the work grows where any part of any input is doubled, and fail where it grows faster
# make mutants   put small faults into kvnet, and list those that no test notices; MUTANTS chooses, as in "live --count 100"
# make peers  install the alternatives that take long to install: nova, and Debian's virtinst
# PYTHON chooses the interpreter that .venv is made of, PYTEST_ARGS goes to pytest.

PYTHON ?= python3
PYTEST_ARGS ?= -n auto --dist worksteal --cov
MUTANTS ?=
NOTE ?= $(shell uname -m), two cores
EXAMPLE ?= examples/pod.yaml

BIN := .venv/bin
PACKAGING := setup.cfg pyproject.toml

.PHONY: run test lint types docs bench growth mutants peers format clean system

run: .venv/with-run
	$(BIN)/kvnet render -f $(EXAMPLE)
	$(BIN)/kvnet define -f $(EXAMPLE)
	@sh scripts/try-up $(BIN)/kvnet $(EXAMPLE)

# The cheap verdicts come first; pytest comes last, so that its summary is what one reads.
test: lint types docs
	$(BIN)/pytest $(PYTEST_ARGS)

lint: .venv/with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/with-dev
	$(BIN)/mypy --strict

docs: .venv/with-dev
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/python scripts/check-links docs/_build/html
	PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/man-page docs/_build/man/kvnet.1

bench: .venv/with-dev
	$(BIN)/python benchmarks/reading.py --check
	$(BIN)/python benchmarks/rendering.py --json build/rendering.json
	$(BIN)/python benchmarks/chart.py build/rendering.json docs/_static/rendering.svg --note "$(NOTE)"
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/check.py

growth: .venv/with-dev
	$(BIN)/python benchmarks/doubling.py

mutants: .venv/with-dev
	cd tests && ../$(BIN)/python -m mutants $(MUTANTS)

peers: .venv/with-dev
	@sh scripts/system-packages $(PYTHON) peers
	$(BIN)/pip install --quiet --editable '.[bench-nova]'

format: .venv/with-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .tox build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* *.egg-info

system:
	@sh scripts/system-packages $(PYTHON)

.venv/pyvenv.cfg: | system
	$(PYTHON) -m venv .venv

# The stamps make a second run start at once; a change of what is required installs again.
.venv/with-run: $(PACKAGING) | .venv/pyvenv.cfg system
	$(BIN)/pip install --quiet --editable '.[cli,libvirt,node]'
	@touch $@

.venv/with-dev: $(PACKAGING) | .venv/pyvenv.cfg system
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ .venv/with-run
