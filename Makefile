# Everything here needs Python with pip, and make; it sets up the rest by itself, inside this folder.
# Other than that: `check` and `test-engine` need npm, and Linux on x86-64 (the engines' only platform); `check-all` also
# needs Chromium and its chromedriver (Debian's chromium and chromium-driver). Node is 18 or newer.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.SUFFIXES:

# Left set, it would compile everything anew at every start, and keep compiled code out of the layer.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV
export SAM_CLI_TELEMETRY := 0

PYTHON := .venv/bin/python
# The DynamoDB engine of the tests: extenddb, dynoxide or none. Not given: the default one where installed.
ENGINE ?=
export SIGNET_ENGINE = $(ENGINE)
# The folder of `make run` and of all that asks it, in place of .signet. Somebody's own variable DATA is something else.
ifeq ($(origin DATA),command line)
export SIGNET_STATE := $(patsubst ~/%,$(HOME)/%,$(DATA))
endif
# Of the two variables the AWS CLI takes this one first; sam and what is written in Python know the other one alone.
ifdef AWS_REGION
export AWS_DEFAULT_REGION := $(AWS_REGION)
endif
# More arguments for pytest, ruff format …
ARGS ?=

ENGINES := extenddb@0.1.10 dynoxide@1.2.1
VERIFIERS := jose@6.2.17 aws-jwt-verify@5.2.1 express@5.3.0 express-oauth2-jwt-bearer@1.10.0
CLIENTS := losant-rest@2.8.1 openid-client@6.9.0 openapi-fetch@0.17.0 openapi-typescript@7.13.0 typescript@5.9.3
# Looks at the console's pages as a screen reader would.
AXE := axe-core@4.14.1
SOURCES := $(wildcard template.yaml deploy/*.yaml) $(shell find functions layers/signet -not -name '*.pyc' -not -name __pycache__ 2>/dev/null)

.PHONY: help
help: ## Print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
	    while IFS='|' read -r name text; do printf '  make %-16s%s\n' "$$name" "$$text"; done

# --- Using it ---

.PHONY: run
run: .venv/ready ## Serve everything on 127.0.0.1:3000, with an embedded AWS; Ctrl-C stops it, data stay: FRESH=1, DATA=folder, PORT=…
	@exec $(PYTHON) -m local

.PHONY: invoke
invoke: .venv/ready $(if $(and $(FUNCTION),$(EVENT)),.tools/runtime/ready .aws-sam/host/ready) ## Run one built function: FUNCTION=… EVENT=events/….json
	@$(PYTHON) -m tools.invoke "$(FUNCTION)" "$(EVENT)"

.PHONY: sam-env
sam-env: .venv/ready ## Write what `sam local` needs to speak to `make run`: .signet/env.json and .signet/events
	@$(PYTHON) -m tools.sam_env

.PHONY: audit-table
audit-table: .venv/ready ## Report what does not fit together in the table of `make run`, or of TABLE_NAME=…
	@$(PYTHON) -m tools.audit_table

.PHONY: compare-clients
compare-clients: .venv/ready ## Make the same calls with both clients of AWS and report what differs: `make run`, or TABLE_NAME=… KMS_KEY_ID=…
	@$(PYTHON) -m tools.compare_clients

.PHONY: deploy
deploy: .venv/ready .tools/sam/ready build ## Deploy into your AWS account what samconfig.toml says: STAGE=dev or prod, ARGS=… of sam deploy
	@$(PYTHON) -m tools.deploy "$(or $(STAGE),dev)" $(ARGS)

.PHONY: adopt
adopt: .venv/ready ## Begin a stage's stack with what another one has left: STAGE=… TABLE=… KEY=… BUCKET=…
	@$(PYTHON) -m tools.adopt "$(STAGE)" "$(TABLE)" "$(KEY)" "$(BUCKET)"

.PHONY: end-all-tokens
end-all-tokens: .venv/ready ## End every token of every application, in a table that was restored: TABLE=…
	@$(PYTHON) -m tools.end_all_tokens "$(TABLE)"

.PHONY: list-applications
list-applications: .venv/ready ## Put the applications of release 0.1.0 into the list of all, once after the upgrade: TABLE=…
	@$(PYTHON) -m tools.list_applications "$(TABLE)"

.PHONY: redrive
redrive: .venv/ready ## Send again the events that were given up, while the table's stream has them (24 hours): STAGE=…
	@$(PYTHON) -m tools.redrive "$(STAGE)"

.PHONY: destroy
destroy: .tools/sam/ready ## Delete a deployment: STAGE=…; its table, its key and its bucket stay
	@[ -n "$(STAGE)" ] || { echo "usage: make destroy STAGE=…" >&2; exit 2; }
	@.tools/sam/bin/sam delete --config-file "$(CURDIR)/samconfig.toml" --config-env "$(STAGE)" $(ARGS)

# --- Checking it ---

.PHONY: test
test: .venv/dev ## Run the tests: offline, no credentials; ARGS=… for pytest, ENGINE=none without the engine
	@$(PYTHON) -m pytest $(ARGS)

.PHONY: test-engine
test-engine: ENGINE := $(or $(ENGINE),extenddb)
test-engine: .venv/dev .tools/engines/ready ## Run the tests that need a DynamoDB engine: ENGINE=extenddb or dynoxide
	@$(PYTHON) -m pytest -m engine $(ARGS)

.PHONY: format
format: .venv/dev ## Format the code
	@$(PYTHON) -m ruff check --quiet --fix-only .
	@$(PYTHON) -m ruff format $(ARGS) .

.PHONY: imports
imports: .venv/dev ## Write anew which packages each function may load: functions/…/allowed_imports.txt
	@$(PYTHON) -m tools.imports

.PHONY: event-schemas
event-schemas: .venv/dev ## Write anew the JSON Schemas of the events that are sent: docs/events
	@$(PYTHON) -m tools.event_schemas

.PHONY: changelog
changelog: .venv/ready ## Check that what changed since BASE=…, or the last release, is in CHANGELOG.md
	@$(PYTHON) -m tools.changelog $(BASE)

.PHONY: openapi
openapi: .venv/dev ## Write anew the description of the API: openapi.yaml
	@$(PYTHON) -m tools.openapi

.PHONY: lint
lint: .venv/dev ## Check format, style, types, imports and the template
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/cfn-lint

.PHONY: validate
validate: .tools/sam/ready ## Let SAM validate the template
	AWS_DEFAULT_REGION=us-east-1 .tools/sam/bin/sam validate --lint

.PHONY: test-built
test-built: .venv/dev .tools/sam/ready .tools/runtime/ready .aws-sam/host/ready build ## Run every built function from the built artefacts alone
	$(PYTHON) -m tools.run_built

.PHONY: test-deployed
test-deployed: .venv/dev .tools/sam/ready .tools/deployed/ready .aws-sam/host/ready .aws-sam/released/ready ## Deploy two stages into an emulator of AWS that enforces IAM, and use them
	@$(PYTHON) -m tools.run_deployed

.PHONY: check
check: ## Everything within 25 minutes: lint, template, documentation, tests on an engine too and their coverage, build, built functions
	@$(MAKE) lint
	@$(MAKE) changelog
	@$(MAKE) validate
	@$(MAKE) docs
	@$(MAKE) engines verifiers
	@SIGNET_NODE=required $(MAKE) test ENGINE=$(or $(ENGINE),extenddb) ARGS="--cov $(ARGS)"
	@$(MAKE) test-built
	@echo "make check: all passed"

.PHONY: check-all
check-all: ENGINE := $(or $(ENGINE),extenddb)
check-all: .venv/dev .tools/bench/ready .tools/engines/ready .tools/verifiers/ready .tools/runtime/ready .aws-sam/host/ready build ## What takes longer: the properties with many more examples, the heavy tests and those in a browser, the engine's with the lean client, and two deployments
	@SIGNET_BROWSER=required SIGNET_NODE=required $(PYTHON) -m pytest --hypothesis-profile=heavy -m "hypothesis or heavy" $(ARGS)
	@AWS_CLIENT=lean $(PYTHON) -m pytest -m "engine and not hypothesis" $(ARGS)
	@$(MAKE) test-deployed
	@echo "make check-all: all passed"

# --- Reading it ---

.PHONY: docs
docs: .tools/docs/ready ## Build the documentation as a site, into site, with every link and anchor checked
	@NO_MKDOCS_2_WARNING=1 .tools/docs/bin/python -m mkdocs build

# --- Measuring it ---

.PHONY: bench
bench: .venv/dev .tools/runtime/ready .tools/engines/ready .tools/bench/ready .aws-sam/host/ready build ## Measure into benchmarks/results: PARTS=… or all, RUNS=… (cold starts), ARGS=… of python -m benchmarks
	@$(PYTHON) -m benchmarks $(PARTS) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

.PHONY: soak
soak: .venv/dev .tools/engines/ready ## Mixed load on `make run` with an engine, held against a model, into benchmarks/results: MINUTES=10
	@$(PYTHON) -m benchmarks soak --minutes $(or $(MINUTES),10) $(ARGS)

# The tutorial function that everything is compared with, built as the layer is.
.tools/bench/ready: tools/requirements-bench.txt benchmarks/baseline/handler.py benchmarks/build | .venv/ready
	@benchmarks/build "$$(tools/environment uv)" "$(CURDIR)/$(PYTHON)" "$$(tools/environment platform)"
	@touch $@

# --- Building it ---

.PHONY: build
build: .venv/ready .tools/sam/ready .tools/supply/ready ## Build for AWS with SAM, into .aws-sam/build, with a bill of materials (CycloneDX)
	@echo "Building for AWS, into .aws-sam/build" >&2
	@$(SAM_BUILD) --build-dir .aws-sam/build >.tools/sam-build.log 2>&1 || { cat .tools/sam-build.log >&2; exit 1; }
	@.tools/supply/bin/cyclonedx-py requirements layers/signet/requirements.txt --pyproject layers/signet/pyproject.toml \
	    --output-reproducible --output-file .aws-sam/sbom.cdx.json

.PHONY: release
release: .venv/ready ## Put the build, its bill of materials and checksums into dist: KEY=… (an SSH key) signs these
	@$(PYTHON) -m tools.release --check
	@$(MAKE) build
	@$(PYTHON) -m tools.release --key "$(KEY)"

.PHONY: audit
audit: .tools/supply/ready ## Ask the Python advisory database about every package of the layer; needs the internet
	@.tools/supply/bin/pip-audit --requirement layers/signet/requirements.txt --require-hashes --disable-pip --strict

.aws-sam/host/ready: $(SOURCES) | .venv/ready .tools/sam/ready
	@echo "Building for this machine, into .aws-sam/host" >&2
	@rm -rf .aws-sam/host
	@SIGNET_PLATFORM="$$(tools/environment platform)" $(SAM_BUILD) --build-dir .aws-sam/host \
	    >.tools/sam-build.log 2>&1 || { cat .tools/sam-build.log >&2; exit 1; }
	@touch $@

# The last release, as it was: a deployment to bring up to date. Empty in a checkout without history.
.aws-sam/released/ready: CHANGELOG.md | .venv/ready .tools/sam/ready
	@rm -rf .aws-sam/released && mkdir -p .aws-sam/released/source
	@commit=$$($(PYTHON) -m tools.changelog --last-release); [ -z "$$commit" ] || { \
	    echo "Building the last release for this machine, into .aws-sam/released" >&2; \
	    git archive "$$commit" | tar -x -C .aws-sam/released/source && \
	    SIGNET_PLATFORM="$$(tools/environment platform)" $(SAM_BUILD) --build-dir .aws-sam/released/build \
	    --template-file .aws-sam/released/source/template.yaml >.tools/sam-build.log 2>&1 || \
	    { cat .tools/sam-build.log >&2; exit 1; }; }
	@touch $@

# sam looks for python3.13 on PATH; the layer's Makefile wants uv and Python.
SAM_BUILD = UV="$$(tools/environment uv)" PYTHON="$(CURDIR)/$(PYTHON)" PATH="$(CURDIR)/.venv/bin:$$PATH" \
    .tools/sam/bin/sam build

.PHONY: lock
lock: ## Resolve all requirements again and write the hashed lists
	@tools/lock

.PHONY: clean
clean: ## Remove all that was made here, environments, builds, caches, but for the data of `make run`
	rm -rf .venv .tools .aws-sam dist site .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Environments; each is made anew when its list of requirements changes ---

# What running and deploying need comes first, and in a tenth of the time; the test tools come with `make test`.
.venv/ready: requirements-local.txt layers/signet/pyproject.toml
	@tools/environment make .venv requirements-local.txt layers/signet
	@touch $@

# Signet is taken out before it is put in again: where this is stopped half-way, nothing is ready.
.venv/dev: requirements-dev.txt .venv/ready
	@rm -f .venv/ready
	@tools/environment make .venv requirements-dev.txt layers/signet
	@touch .venv/ready $@

.tools/sam/ready .tools/runtime/ready .tools/deployed/ready .tools/supply/ready .tools/docs/ready .tools/openapi/ready: .tools/%/ready: tools/requirements-%.txt
	@tools/environment make .tools/$* $<
	@touch $@

.PHONY: engines
engines: .tools/engines/ready ## Install the DynamoDB engines that the tests can use

.tools/engines/ready: Makefile
	@command -v npm >/dev/null || { echo "The DynamoDB engines are npm packages: install node and npm" >&2; exit 1; }
	@echo "Installing the DynamoDB engines $(ENGINES)" >&2
	@npm install --prefix .tools/engines --loglevel error --no-save --no-package-lock --no-audit --no-fund \
	    $(foreach engine,$(ENGINES),@$(subst @,/linux-x64@,$(engine)))
	@chmod +x .tools/engines/node_modules/@*/linux-x64/extenddb .tools/engines/node_modules/@*/linux-x64/dynoxide
	@touch $@

.PHONY: verifiers
verifiers: .tools/verifiers/ready ## Install Node's verifiers of tokens, the products' clients and axe-core, which the tests use

.tools/verifiers/ready: Makefile
	@command -v npm >/dev/null || { echo "The verifiers are npm packages: install node and npm" >&2; exit 1; }
	@echo "Installing $(VERIFIERS) $(CLIENTS) $(AXE)" >&2
	@npm install --prefix .tools/verifiers --loglevel error --no-save --no-package-lock --no-audit --no-fund \
	    $(VERIFIERS) $(CLIENTS) $(AXE)
	@touch $@
