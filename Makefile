# What people and CI run; `make help` lists it.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PAYLOAD := <<cookiecutter.project>>
DEMO := build/demo
RECORDING := build/record
BENCHMARKS := $(filter-out $(addprefix benchmarks/,measure.py delay.py sandboxed.py),$(wildcard benchmarks/*.py))
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url $(if $(UPGRADE),--upgrade)
# The payload is checked in place and cookiecutter copies its folders whole: caches stay out of it
export PYTHONPYCACHEPREFIX := $(abspath build/cache/python)
export RUFF_CACHE_DIR := $(abspath build/cache/ruff)
# mypy trusts what it knows of a file by the file's hash, so checkouts may share its cache
export MYPY_CACHE_DIR ?= $(abspath build/cache/mypy)

# By content, not by age: a fresh checkout of the same lock has nothing to install
SYNCED := $(VENV)/.synced-$(shell git hash-object requirements.lock)
CHECKOV_SYNCED := $(abspath $(VENV))/checkov/.synced-$(shell git hash-object '$(PAYLOAD)/requirements/checkov.lock')

.DEFAULT_GOAL := help
.PHONY: help setup demo record check check-payload test test-payload test-template bench lock

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(SYNCED) ## the virtualenv, from requirements.lock

# uv itself comes from the lock too, checked by hash, and installs the rest in parallel
$(SYNCED):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"$(PYTHON) is Python {v[0]}.{v[1]}; the locks allow 3.11 to 3.13. Type: make setup PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	awk '/^[^ ]/ {keep = /^uv==/} keep' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable './$(PAYLOAD)'
	rm -f $(VENV)/.synced*
	touch $@

demo: setup ## makes a project and follows a model to prod and back in it, by pull request
	rm -rf $(DEMO)
	$(BIN)/cookiecutter --no-input --output-dir $(DEMO) . training_account=111111111111 \
		staging_account=222222222222 prod_account=333333333333
	$(MAKE) --no-print-directory -C $(DEMO)/* rehearse VENV=$(abspath $(VENV))

# The payload's other engines come into the project too: a round is gone on each
record: setup ## what each role asks for in a run of the loop, anew, for the proof of least privilege
	rm -rf $(RECORDING)
	$(BIN)/cookiecutter --no-input --output-dir $(RECORDING) . training_account=111111111111 \
		staging_account=222222222222 prod_account=333333333333
	cp -R -n '$(PAYLOAD)/infra' '$(PAYLOAD)/buildspec' $(RECORDING)/*/
	$(MAKE) --no-print-directory -C $(RECORDING)/* record VENV=$(abspath $(VENV))
	cp $(RECORDING)/*/tests/recorded/decisions.jsonl '$(PAYLOAD)/tests/recorded/'

check: setup check-payload ## format, lint, types, configuration: what CI runs first
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy hooks/pre_gen_project.py hooks/post_gen_project.py tests $(wildcard benchmarks)
	$(BIN)/yamllint --strict .
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows

# `mlops check` is left to the bakes: the unrendered project.yml has no answers yet
check-payload: setup
	cd '$(PAYLOAD)' && $(MAKE) --no-print-directory lint VENV=$(abspath $(VENV))

# A worker for each core; more of them take longer on two cores. 0 for a few tests, which start no processes then
WORKERS ?= auto

# A folder for JUnit XML, which CI shows
JUNIT = $(if $(REPORTS),--junit-xml='$(abspath $(REPORTS))/$@.xml')

# Side by side: each waits for a part of its time. An older make shows their dots mixed
test: setup ## everything: bakes, refusals, the payload's tests in place and in bakes, the rehearsal
	$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) test-payload test-template

test-payload: setup ## the payload's tests in place
	cd '$(PAYLOAD)' && $(abspath $(BIN))/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -p no:cacheprovider $(JUNIT)

# checkov's environment comes first: two bakes would make it at once
test-template: setup ## bakes, refusals, workflows, judges, the rehearsal
	cd '$(PAYLOAD)' && $(MAKE) --no-print-directory $(CHECKOV_SYNCED) VENV=$(abspath $(VENV))
	$(BIN)/python -m pytest -q -n $(if $(filter 0,$(WORKERS)),0,2) --dist worksteal -p no:cacheprovider $(JUNIT)

bench: setup ## benchmarks, each against its alternative
	for program in $(BENCHMARKS); do $(BIN)/python "$$program" || exit 1; done

lock: setup ## every lock, the payload's first; UPGRADE=1 for newer versions
	cd '$(PAYLOAD)' && $(MAKE) --no-print-directory lock VENV=$(abspath $(VENV))
	$(LOCK) '$(PAYLOAD)/pyproject.toml' --group '$(PAYLOAD)/pyproject.toml:dev' --group pyproject.toml:template \
		--constraint '$(PAYLOAD)/requirements/dev.lock' --output-file requirements.lock
