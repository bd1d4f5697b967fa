# Two commands are enough: `make demo` shows the whole path, `make test` proves it.
SHELL := /bin/sh
RUN := scripts/run.sh
PYTEST_ARGS ?= -n 2 --dist loadfile
DEMO_ARGS ?=
BENCH_ARGS ?= land

.DEFAULT_GOAL := help
.PHONY: help demo test setup up down status check format docs bench lock clean distclean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## the whole path on a day of sample events: Kafka to dashboards (DEMO_ARGS=…)
	@$(RUN) data-pipeline demo $(DEMO_ARGS)

test: setup-browser ## run all tests, on real servers that they start themselves (PYTEST_ARGS="-k land")
	@$(RUN) python -m pytest $(PYTEST_ARGS)

setup: ## install what is missing into the checkout
	@sh scripts/setup.sh

.PHONY: setup-browser
setup-browser:
	@sh scripts/setup.sh --browser

up: setup ## start Kafka, S3, Dagster and the dashboards, and keep them running
	@$(RUN) data-pipeline stack up

down: setup ## stop them; their data stays
	@$(RUN) data-pipeline stack down

status: setup ## show what runs
	@$(RUN) data-pipeline stack status

check: setup ## ruff and mypy
	@$(RUN) ruff check data_pipeline data_pipeline_tests
	@$(RUN) ruff format --check data_pipeline data_pipeline_tests
	@$(RUN) mypy

format: setup ## let ruff format the code
	@$(RUN) ruff format data_pipeline data_pipeline_tests
	@$(RUN) ruff check --fix data_pipeline data_pipeline_tests

docs: setup ## render the documents that are made from code
	@$(RUN) data-pipeline docs

bench: setup ## measure a stage beside its peers (BENCH_ARGS="land --events 1000000")
	@$(RUN) data-pipeline bench $(BENCH_ARGS)

lock: setup ## resolve requirements.in anew
	@$(RUN) uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		requirements/requirements.in -o requirements/requirements.lock

clean: setup ## stop the stack and delete its data
	@$(RUN) data-pipeline stack down --delete-data

distclean: clean ## delete all that set-up installed, too
	rm -rf .venv .cache
