# micore's commands. Each sets up what it needs on a bare machine and costs nothing when that is there already.
# `make` alone lists them.

PYTHON ?= python3
export PYTHON

SETUP := $(PYTHON) scripts/setup.py
NPM := $(SETUP) npm
BIN := .venv/bin
CHECKED := src tests scripts $(wildcard benchmarks)

.DEFAULT_GOAL := help
.PHONY: help demo install install-dev run dev test check lint format generate bench bench-dlt soak lock update clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## Set up, start the simulated shop and micore, sync, and serve http://127.0.0.1:8083
	@exec $(BIN)/micore demo $(if $(PORT),--port $(PORT))

install: ## Set up what running micore needs: .venv, locked packages, the built web app
	@$(SETUP) install

install-dev: ## Set up what developing needs: linters, test tools, web packages
	@$(SETUP) install --dev --no-web-build

run: install ## Serve with your own .env
	@exec $(BIN)/micore serve

dev: install-dev ## Serve with hot reload of both halves: the API on 8083, the web app on 5173
	@scripts/dev

test: ## Run every test: Python, web, browser (installs PostgreSQL, Redis, Chromium, gcc with apt-get if it may)
	@$(SETUP) install --dev
	@scripts/test-needs
	@scripts/test

check: lint ## Run the fast part: linters, types, unit and documentation tests
	@$(BIN)/pytest -q -n 2 tests/unit tests/docs

lint: install-dev ## Run the linters, formatters and type checkers of both halves; changes nothing
	@scripts/lint $(CHECKED)

format: install-dev ## Mend the form of the Python code
	@$(BIN)/ruff check --fix $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

generate: install-dev ## Write anew what comes from the program: reference pages, .env.example, the web app's API types
	@$(BIN)/python scripts/reference.py
	@$(NPM) run --silent generate

bench: install install-dev ## Measure the README's figures, each a ratio taken in one run, and write them into its table
	@$(BIN)/python -m benchmarks --json benchmarks/results.json; kept=$$?; $(BIN)/python -m benchmarks.report && exit $$kept

bench-dlt: install install-dev ## Measure loading beside dlt, which gets an environment of its own, and write it into the README
	@$(BIN)/python -m benchmarks dlt --json benchmarks/results.json; kept=$$?; $(BIN)/python -m benchmarks.report && exit $$kept

soak: install-dev ## Run the long tests that `make test` leaves out
	@scripts/test-needs
	@$(BIN)/pytest -q -m soak

lock: install-dev ## Write the lock files anew; UPGRADE=1 takes the newest versions that pyproject.toml allows
	@scripts/lock

update: install ## After `git pull`: bring packages, web app and database up to this version
	@$(BIN)/micore db migrate

clean: ## Remove everything that can be made again; your data and .env stay
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	rm -rf web/node_modules src/micore/web
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
