# Two commands do everything: `make demo` and `make test`. Both set up what they need.
#
# The environment is made with PYTHON where that is given, else with the newest supported Python on
# the PATH. One that is there is kept, unless PYTHON names another Python.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements-dev.txt
PYTHONS := python3.13 python3.12 python3.11 python3 python
# Prints the path of a Python that is supported and can make environments.
SUPPORTED := import ensurepip, os, sys, venv; (3, 11) <= sys.version_info[:2] <= (3, 13) and print(os.path.realpath(sys.executable))
# The lock is complete, so installing resolves nothing: no index can offer anything newer, and nothing
# is built, which would fetch what no lock names. `pip check` says what a lock lacks.
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_ENV := DJANGO_DEBUG=1 VIDEO_BACKEND=simulator
OPENSPEC := OPENSPEC_TELEMETRY=0 CI=true npx -y @fission-ai/openspec@1.13.2

.PHONY: help setup install demo serve production-check test test-slow test-postgres test-all lint faults bench chaos screenshots lock clean FORCE

help:  ## what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: install  ## install, and make the database
	@$(BIN)/python manage.py migrate --verbosity 0

install: $(STAMP)  ## make .venv from the pinned, hashed requirements

ifdef PYTHON
ifneq ($(shell $(PYTHON) -VV 2>&1),$(shell $(BIN)/python -VV 2>&1))
$(STAMP): FORCE
endif
endif

$(STAMP): $(LOCK)
	@for candidate in $(or $(PYTHON),$(BIN)/python $(PYTHONS)); do \
	    python=$$($$candidate -c "$(SUPPORTED)" 2>/dev/null) && [ -n "$$python" ] && break; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11, 3.12 or 3.13 with its venv module is needed. Looked at: $(or $(PYTHON),$(PYTHONS))." >&2; \
	    echo "Put one on the PATH, or say make PYTHON=/path/to/python." >&2; \
	    exit 1; \
	fi; \
	echo "Using $$("$$python" -V), $$python"; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@echo "Installing $$(grep -c == $(LOCK)) pinned packages into $(VENV): about a minute …"
	@$(PIP) install --quiet --no-deps --require-hashes --only-binary :all: -r $(LOCK)
	@$(PIP) check
	@touch $@

demo: install  ## render the sample story with the simulator, end to end
	@$(DEMO_ENV) $(BIN)/python manage.py demo

# make serve ADDRESS=127.0.0.1:8001 SIMULATOR_PORT=8788: where the default ports are taken.
serve: setup  ## admin on http://127.0.0.1:8000 with simulator and workers
	@$(DEMO_ENV) $(BIN)/python manage.py serve $(ADDRESS) $(if $(SIMULATOR_PORT),--simulator-port=$(SIMULATOR_PORT))

# Development mode for its warnings, without its allocator that checks memory: a third faster.
# Modules are compiled once, not by every process that a test starts.
PYTEST := PYTHONDONTWRITEBYTECODE= PYTHONMALLOC=pymalloc $(BIN)/python -X dev -W error::DeprecationWarning:storybook -m pytest -n 3 --durations=10

# Where CI is set, up to three tests that failed run once more, one after the other: what passes then
# is printed above as failed, and does not stop an unrelated change. What fails twice stops it.
FAILED := .pytest_cache/v/cache/lastfailed
again = { [ -n "$$CI" ] && [ -f $(FAILED) ] && [ $$(grep -c '::' $(FAILED)) -le 3 ] \
    && echo "Once more, alone:" && $(PYTEST) -n 0 --last-failed --last-failed-no-failures none -m $(1); }

test: $(STAMP)  ## the tests, but for those that take long
	@rm -f $(FAILED)
	@$(PYTEST) -m "not slow" || $(call again,"not slow")

test-slow: $(STAMP)  ## the tests that take long: fuzzing, kills, whole installations, axe
	@rm -f $(FAILED)
	@$(PYTEST) -m slow || $(call again,slow)

test-postgres: $(STAMP)  ## races, budgets, queue and pipeline, on the server VIDEO_TEST_POSTGRES_URL names
	@test -n "$$VIDEO_TEST_POSTGRES_URL" || { echo "VIDEO_TEST_POSTGRES_URL names no PostgreSQL: postgres://user@host:5432/database"; exit 1; }
	@rm -f $(FAILED)
	@export DATABASE_URL="$$VIDEO_TEST_POSTGRES_URL"; $(PYTEST) -m "postgres and not slow" || $(call again,"postgres and not slow")

test-all: test test-slow test-postgres  ## all tests, also on PostgreSQL

production-check: $(STAMP)  ## the stack of one host, really started, renders the sample story
	@$(BIN)/python -m tests.production_check

lint: $(STAMP)  ## style, layers, types, system checks, migrations, openspec
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/python manage.py check --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@command -v npx >/dev/null || { echo "openspec needs Node 20.19 or newer (npx) on the PATH"; exit 1; }
	@$(OPENSPEC) validate --all --strict --no-interactive

faults: $(STAMP)  ## hand-made faults, one after the other: would a test notice?
	@$(BIN)/python -m tests.faults

bench: $(STAMP)  ## ratios measured on this machine; python -m tests.bench PART runs one of its parts
	@$(BIN)/python -m tests.bench

chaos: $(STAMP)  ## everything goes wrong: faults, 100 kills, disks, database, clock; counts what must be 0
	@$(BIN)/python -m tests.chaos

screenshots: $(STAMP)  ## docs/screenshots, from the sample story in a Chromium
	@$(BIN)/python -m tests.screenshots

# For every supported Python and system at once: what only some need keeps its marker. The pins that
# are there stay where they can; UPGRADE=1 takes the newest of everything.
COMPILE := $(BIN)/uv --quiet pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest \
    --generate-hashes --no-header $(if $(UPGRADE),--upgrade)

lock: $(STAMP)  ## pin the requirements again (after a change in pyproject.toml), and say what changed
	@cat requirements*.txt | grep == | tr -d '\\' | sort -u > $(VENV)/pins-before
	@$(COMPILE) -o requirements.txt
	@$(COMPILE) -o requirements-dev.txt --extra dev -c requirements.txt
	@cat requirements*.txt | grep == | tr -d '\\' | sort -u | diff $(VENV)/pins-before - | sed -n 's/^</gone:/p; s/^>/new: /p' | sort -k 2 > $(VENV)/pins-changed
	@if [ -s $(VENV)/pins-changed ]; then cat $(VENV)/pins-changed; else echo "No pin has changed."; fi

clean:  ## remove the environment, the demo's database and its media
	rm -rf $(VENV) var media db.sqlite3*
