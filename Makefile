# make run: serve on http://127.0.0.1:8000 (PORT=9000 make run).   make test: the whole suite (ARGS=core.tests.test_book).
# make lint: every check.   make fix: what can be mended by itself.   make lock: pin the packages anew (ARGS=--upgrade).
# make pictures: take those of docs/pictures, of the demo, in a real browser.
# make messages: bring the catalogs of translations up to the sources. make compile-messages: what the programs read.
# make bench: a sale and its opening played on PostgreSQL, their history checked; the ledger's cost; the gate; the on-sale
# under load (ARGS="rush --runs 5" plays what bench/onsale is told, and nothing else). Most of an hour.

PYTHON ?= python3
BIN := .venv/bin
PACKAGES := core event_ticketing tools $(wildcard bench)
TEMPLATES := $(wildcard core/templates)
OLD := This needs Python 3.11 or newer, which $(PYTHON) is not: install it, or name it, as in PYTHON=python3.12 make run.
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(ARGS)
PRODUCTION := DEBUG=off HTTPS=on ALLOWED_HOSTS=tickets.example DATABASE_URL=postgres://db/tickets REDIS_URL=redis://redis

.PHONY: run test lint fix pictures messages compile-messages audit sbom bench faults soak lock setup setup-dev setup-bench

run: setup
	@$(BIN)/python -m tools.run

test: setup-dev
	@$(BIN)/python -m tools.run_tests $(ARGS)

lint: setup-dev
	$(BIN)/ruff check $(PACKAGES) manage.py
	$(BIN)/ruff format --check $(PACKAGES) manage.py
	$(BIN)/mypy $(PACKAGES) manage.py
	$(BIN)/bandit -q -r core event_ticketing tools manage.py -c pyproject.toml --severity-level medium
	$(BIN)/python -m tools.check_secrets
	$(BIN)/python -m tools.check_advisories
	$(BIN)/djlint --quiet --check $(TEMPLATES)
	$(BIN)/djlint --quiet --lint $(TEMPLATES)
	$(BIN)/python -m tools.check_compose
	$(BIN)/python -m tools.check_messages
	DATABASE_URL= $(BIN)/python manage.py makemigrations --check --dry-run
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(45))') $(PRODUCTION) \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

fix: setup-dev
	-$(BIN)/ruff check --fix $(PACKAGES) manage.py
	$(BIN)/ruff format $(PACKAGES) manage.py
	-$(BIN)/djlint --quiet --reformat $(TEMPLATES)

pictures: setup-dev
	@$(BIN)/python -m tools.pictures $(ARGS)

messages: setup-dev
	@$(BIN)/python -m tools.messages update

compile-messages: setup-dev
	@$(BIN)/python -m tools.messages compile

bench: setup-bench
ifeq ($(ARGS),)
	$(BIN)/python -m bench.fairness --people 800 --capacity 80
	$(BIN)/python -m bench.fairness opening
	$(BIN)/python -m bench.ledger_cost --people 60 --rounds 3
	$(BIN)/python -m bench.gate
endif
	$(BIN)/python -m bench.onsale $(ARGS)

# Are there known weaknesses in what is pinned? As in lint, but fails where that could not be looked up. And was there
# ever a secret in any commit? Fails where there is no history.
audit: setup-dev
	$(BIN)/python -m tools.check_secrets --history
	$(BIN)/python -m tools.check_advisories --strict

# What all of it is made of, as a list for programs (CycloneDX), in sbom.json.
sbom: setup-dev
	@$(BIN)/python -m tools.sbom

faults: setup-bench
	$(BIN)/python -m bench.faults $(ARGS)

# A million operations beside one fault after the other, every answer checked: an hour (ARGS="--operations 1": a round of
# four minutes; ARGS="--operations 1 --seconds 180": three minutes, as CI has it).
soak: setup-bench
	$(BIN)/python -m bench.soak $(ARGS)

lock: setup-dev
	$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-bench.in -o requirements-bench.txt

setup: requirements = requirements.txt
setup-dev: requirements = requirements-dev.txt
setup-bench: requirements = requirements-bench.txt
setup setup-dev setup-bench:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo '$(OLD)' >&2; exit 1; }
	@$(PYTHON) -m tools.bootstrap $(requirements)
