# Everything here sets itself up in .venv: it needs Python 3.11 or later with venv, make and a network, nothing else.
# PYTHON names another interpreter: make demo PYTHON=/opt/python3.13/bin/python3

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest

# Who speaks the sample, and where it ends up.
NARRATOR ?= espeak_eng
SAMPLE := library/Foundry

# The tests run in WORKERS processes, a file in one of them, for many wait for programs and servers. The long files stand
# first in the folders' order, which therefore stays. The console's run after them: they press keys and watch a screen,
# and a machine with nothing to spare makes them slow. WORKERS=0 has everything in one process.
WORKERS ?= 2
SPREAD = --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

# The long tests: a seed makes a run repeatable, and each of PARTS parts stays under half an hour on two cores.
SEED ?= 20261121
PART ?= 1
PARTS ?= 1

.PHONY: help setup demo test test-postgresql lint torture bench

help:
	@echo 'make demo      make the sample audiobook and say where it lies'
	@echo 'make test      run the tests (under 15 minutes on 2 cores); ARGS=tests/unit/test_x.py runs one file'
	@echo '               WORKERS=n spreads them over n processes, WORKERS=0 over none (for --pdb)'
	@echo 'make test-postgresql   the integration tests with every home on PostgreSQL'
	@echo 'make lint      ruff, mypy, import-linter, one Alembic head'
	@echo 'make torture   the long tests; SEED=n repeats a run, PART=1 PARTS=4 runs a quarter of it'
	@echo 'make bench     measure; one JSON object a benchmark'

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c '' 2>/dev/null || { echo "No Python was found as '$(PYTHON)'. Install Python 3.11 or later, or say where it is: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Foundry needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) -c 'import platform; print(platform.python_version())'). Say where a newer one is: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "'$(PYTHON)' comes without venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@echo 'Setting up $(VENV): this takes a minute or two the first time.' >&2
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --editable '.[test]'
	@touch $@

demo: $(READY)
	@$(BIN)/foundry-tui --home . init
	@if [ -z "$$(find $(SAMPLE) -name '*.m4b' 2>/dev/null)" ]; then \
		$(BIN)/foundry-tui --home . produce tin_kettle --narrator $(NARRATOR) && \
		$(BIN)/foundry-tui --home . --run-all; \
	else \
		echo 'The sample audiobook is made already; remove library/ to hear it made again.'; \
	fi
	@m4b="$$(find "$$PWD/$(SAMPLE)" -name '*.m4b' 2>/dev/null | sort | head -n 1)"; \
	test -n "$$m4b" || { echo 'No audiobook was made; the lines above say why.' >&2; exit 1; }; \
	printf '%s\n' \
		'' \
		'Your audiobook:' \
		"  $$m4b" \
		'' \
		'The voice built into Foundry (eSpeak NG, offline and free) spoke it. For a natural one, order it from a narrator' \
		'with another engine, for example Edge (online, unofficial, free), and run the queue:' \
		'  $(BIN)/foundry-tui --home . produce tin_kettle --narrator aria_edge' \
		'  $(BIN)/foundry-tui --home . --run-all' \
		'docs/howto/natural_voice.md compares the engines.' \
		'' \
		'Next, a book of your own (HTML, as Project Gutenberg has it):' \
		'  $(BIN)/foundry-tui --home . book add YOUR_BOOK.html' \
		'  $(BIN)/foundry-tui --home . produce BOOK_ID --narrator $(NARRATOR)' \
		'  $(BIN)/foundry-tui --home . --run-all'

test: $(READY)
ifneq (,$(findstring .py,$(ARGS)))
	@$(PYTEST) -m 'not torture' --durations=15 $(ARGS)
else
	@$(PYTEST) -m 'not torture' $(SPREAD) --durations=15 --ignore=tests/console $(ARGS)
	@$(PYTEST) -m 'not torture' $(SPREAD) --durations=15 $(ARGS) tests/console
endif

test-postgresql: $(READY)
	@FOUNDRY_TEST_DATABASE=postgresql FOUNDRY_REQUIRE_SERVERS=1 \
		$(PYTEST) -m 'not torture' $(SPREAD) --durations=15 $(ARGS) tests/integration

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/one_head.py

# pytest's 5 says that no test was chosen: a part may be empty.
torture: $(READY)
	@FOUNDRY_TORTURE_SEED=$(SEED) FOUNDRY_TORTURE_PART=$(PART)/$(PARTS) PYTHONPATH=.ci \
		$(PYTEST) -p torture_parts -m torture --durations=15 $(ARGS) || test $$? -eq 5

bench: $(READY)
	@missed=0; for benchmark in benchmarks/[a-z]*.py; do \
		echo "$$benchmark" >&2; \
		$(BIN)/python "$$benchmark" $(ARGS) || missed=1; \
	done; exit $$missed
