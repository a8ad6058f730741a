# Two commands do everything: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_ENV := DJANGO_DEBUG=1 VIDEO_BACKEND=simulator
OPENSPEC := OPENSPEC_TELEMETRY=0 CI=true npx -y @fission-ai/openspec@1.13.2

.PHONY: help setup demo serve test test-all lint bench chaos screenshots lock clean

help:  ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | column -t -s:

setup: $(STAMP)  ## create .venv from the pinned, hashed requirements; make the database
	@$(BIN)/python manage.py migrate --verbosity 0

$(STAMP): requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: put python3.11 on the PATH or say make PYTHON=/path/to/it"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned requirements into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: setup  ## render the sample story with the simulator, end to end
	@$(DEMO_ENV) $(BIN)/python manage.py demo

serve: setup  ## admin on http://127.0.0.1:8000 with simulator and workers
	@$(DEMO_ENV) $(BIN)/python manage.py serve

# Development mode for its warnings, without its allocator that checks memory: a third faster.
# Modules are compiled once, not by every process that a test starts.
PYTEST := PYTHONDONTWRITEBYTECODE= PYTHONMALLOC=pymalloc $(BIN)/python -X dev -W error::DeprecationWarning:storybook -m pytest -n 3 --durations=10

test: $(STAMP)  ## the tests, but for those that take long
	@$(PYTEST) -m "not slow"

test-all: $(STAMP)  ## all tests: also the long ones (fuzzing, kills, whole installations, axe)
	@$(PYTEST)

lint: $(STAMP)  ## style, system checks, migrations, openspec
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python manage.py check --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@command -v npx >/dev/null || { echo "openspec needs Node 20.19 or newer (npx) on the PATH"; exit 1; }
	@$(OPENSPEC) validate --all --strict --no-interactive

bench: $(STAMP)  ## measured ratios: dry run, import, memory, throughput, lists, kills, quota
	@$(BIN)/python -m tests.bench

chaos: $(STAMP)  ## everything goes wrong: faults, 100 kills, disks, database, clock; counts what must be 0
	@$(BIN)/python -m tests.chaos

screenshots: $(STAMP)  ## docs/screenshots, from the sample story in a Chromium
	@$(BIN)/python -m tests.screenshots

lock:  ## pin the requirements again (after a change in pyproject.toml)
	@$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --strip-extras --allow-unsafe -o requirements.txt pyproject.toml
	@$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --strip-extras --allow-unsafe --extra dev -o requirements-dev.txt pyproject.toml

clean:  ## remove the environment, the demo's database and its media
	rm -rf $(VENV) var media db.sqlite3*
