# The verbs of the project; `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
STAGE ?= dev
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run research test simulate sim sim-record soak wire mutants conform storm peers check lint format lock documents notebooks pages pictures bench bench-full bench-research bench-verdict bench-tax golden oracle images push-images scan-images test-images bench-images sbom package scan audit-dependencies bootstrap deploy smoke rollback remove sweep-stages clean

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

install: .venv/.installed node_modules/.installed ## Install everything into .venv and node_modules

run: install ## Trade a seeded market on paper, on an embedded AWS, and print the result
	@$(BIN)/fanfold run
	@printf '\nnext:\n  %s\n  %s\n  %s\n  %s\n  %s\n' '$(BIN)/fanfold serve         # the desk in a browser' \
	  '$(BIN)/fanfold run --stay    # the same, while the market goes on' '$(BIN)/fanfold report --by day' '$(BIN)/fanfold orders' '$(BIN)/fanfold why ORDER'

# The market is made up, so what the verdict says of it (exit code 1 where a check failed) is no fault.
research: install ## Back-test, sweep and judge a strategy on a seeded market, with a tear sheet in build/research
	@mkdir -p build/research
	@$(BIN)/fanfold backtest sma_cross --minutes 20000 --html build/research/sma_cross.html --library build/research
	@printf '\n'; $(BIN)/fanfold sweep sma_cross --minutes 20000 --grid fast=5:25:5 --grid slow=40:160:40 --library build/research
	@printf '\n'; $(BIN)/fanfold verdict sma_cross --library build/research || test $$? = 1
	@printf '\nnext:\n  open build/research/sma_cross.html\n  %s\n  examples/notebooks\n' \
	  '$(BIN)/fanfold research runs --rank sharpe --library build/research'

# auto is three for two cores, see tests/conftest.py. Each has ports and folders of its own.
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

simulate: install ## Run the desk under faults at every call, a schedule a seed (SEEDS=2000 FIRST_SEED=0)
	@SEEDS=$(or $(SEEDS),2000) FIRST_SEED=$(or $(FIRST_SEED),0) $(BIN)/python -m pytest tests/simulation/test_simulation.py

sim: install ## Run schedules of the length of one order under every fault, on all cores (SCHEDULES=20000 FIRST_SEED=0)
	@$(BIN)/fanfold simulate --seeds $(or $(SCHEDULES),20000) --first-seed $(or $(FIRST_SEED),0)

soak: install ## Run a month of all five services in memory, two hours of every fault a day (DAYS=30 SEED=0)
	@PYTHONPATH="$$(echo shared tests services/* | tr ' ' ':')" $(BIN)/python tests/simulation/test_soak.py $(or $(SEED),0) $(or $(DAYS),30)

wire: install ## Run schedules of one order through ccxt to the simulated exchange, in process (SCHEDULES=300 FIRST_SEED=0)
	@PYTHONPATH="$$(echo shared tests services/* | tr ' ' ':')" $(BIN)/python tests/simulation/test_wire_schedules.py $(or $(FIRST_SEED),0) $(or $(SCHEDULES),300)

# A slice that is there is not run again: a long run may be stopped and gone on with.
sim-record: install ## Run schedules in slices, the mutants and a profile, and write section 12 of the benchmarks (SCHEDULES=1000000 FIRST_SEED=0 SLICE=10000 PROCESSES=0)
	@mkdir -p build/simulator
	@first=$(or $(FIRST_SEED),0); last=$$((first + $(or $(SCHEDULES),1000000))); \
	for seed in $$(seq $$first $(or $(SLICE),10000) $$((last - 1))); do \
	  slice=build/simulator/slice-$$seed.json; test -s $$slice && continue; \
	  $(BIN)/fanfold simulate --seeds $(or $(SLICE),10000) --first-seed $$seed --processes $(or $(PROCESSES),0) --json >$$slice.part; \
	  mv $$slice.part $$slice; done
	@$(MAKE) --no-print-directory mutants >build/simulator/mutants.txt
	@$(BIN)/python tests/bench/run.py simulator

mutants: install ## Print the first seed that shows each guard of the desk, switched off, to break a law
	@PYTHONPATH="$$(echo shared tests services/* | tr ' ' ':')" $(BIN)/python tests/simulation/test_mutation_gate.py

conform: install ## Hold the AWS and the venue in memory against emulators, call by call (SEQUENCES=250, of each with each)
	@CONFORM_SEQUENCES=$(or $(SEQUENCES),250) $(PYTEST) tests/aws/test_gaps_of_emulators.py tests/aws/test_memory_dynamodb.py \
	  tests/aws/test_memory_objects.py tests/aws/test_memory_queues.py tests/contracts/test_venue_in_memory.py

storm: install ## Send real orders to an exchange that fails in every known way, and kill what executes (INTENTS=500 DEPLOYED=10000 KILLS=200)
	@rm -rf build/storm
	@STORM_FIGURES=1 STORM_INTENTS=$(or $(INTENTS),500) $(BIN)/python -m pytest tests/simulation/test_storm.py
	@STORM_FIGURES=1 DEPLOYED_INTENTS=$(or $(DEPLOYED),10000) $(BIN)/python -m pytest tests/journeys/test_deployed_storm.py
	@STORM_FIGURES=1 STORM_KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest tests/journeys/test_killed_processes.py
	@$(BIN)/python tests/bench/run.py storm

test: lint sim ## Check style and types, hold the laws of 20,000 schedules, then pass all tests
	@$(PYTEST)

peers: install ## Let clients that others wrote trade at the simulated exchange (PEERS=freqtrade PYTHON=/path/to/python3.12)
	@PEERS_PYTHON=$(PYTHON) PYTHONPATH=tests $(BIN)/python -m peers.run $(PEERS)

check: lint ## Check style and types, then pass the unit tests, in a minute: for daily work
	@$(PYTEST) tests/unit

lint: install ## Check style and types
	@$(BIN)/ruff format --check --quiet . || { echo "run \`make format\`"; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/mypy shared services tests

format: install ## Format the code, put imports in order, and mend what the linter can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

bench: install ## Print handler times, import times, AWS calls and memory
	@$(BIN)/python tests/bench/run.py

bench-full: install ## Print what a bar takes at full fidelity, beside engines of others on the same bars (PYTHON=/path/to/python3.12)
	@PEERS_PYTHON=$(PYTHON) $(BIN)/python tests/bench/run.py full

bench-research: install ## Print what a back-test takes, beside a bare loop and engines of others on the same bars (PYTHON=/path/to/python3.12)
	@PEERS_PYTHON=$(PYTHON) $(BIN)/python tests/bench/run.py research research_plain research_command research_stops research_sweep research_sweep_by_cash research_orders research_permutations

golden: install ## Record the results of the shipped strategies anew; CHANGE is the line of CHANGELOG.md that tells of it
	@PYTHONPATH=shared:tests $(BIN)/python -m support.golden_results "$(CHANGE)"

oracle: install ## Let pandas, empyrical, arch, rp2 and beancount, in an environment of their own, say what the product must say, and compare
	@test -x build/oracle/bin/python || $(PYTHON) -m venv build/oracle
	@$(BIN)/python -m uv pip install --quiet --python build/oracle --require-hashes --requirements tests/oracles/requirements.txt
	@build/oracle/bin/python tests/oracles/record.py
	@build/oracle/bin/python tests/oracles/record_verdict.py
	@cd build/oracle && bin/python ../../tests/oracles/record_tax.py
	@$(PYTEST) tests/unit/test_report_oracle.py tests/unit/test_superior_ability.py tests/unit/test_tax_oracle.py tests/unit/test_beancount_text.py

STACKS := $(patsubst services/%/serverless.yml,%,$(wildcard services/*/serverless.yml))
# No desk needs these two: they are built, pushed and deployed where they are named.
SERVICES := $(filter-out research alerts page,$(STACKS))
# The page has no functions.
IMAGED := $(filter-out page,$(STACKS))
IMAGES ?= $(SERVICES)
# The desk that goes into the images.
export FANFOLD_DESK := $(if $(DESK),$(abspath $(DESK)),$(FANFOLD_DESK))
# The folder of its own strategies; without it, ./strategies where it exists.
export FANFOLD_STRATEGIES := $(if $(STRATEGIES),$(abspath $(STRATEGIES)),$(FANFOLD_STRATEGIES))

images: install ## Build the Lambda images with docker or buildah; DESK=file STRATEGIES=dir BASE_IMAGE=name@sha256:... ARCH=arm64 for AWS
	@$(BIN)/python -m fanfold_dev.images $(IMAGES)

push-images: install ## Push the built images to FANFOLD_IMAGES, and print the settings that deploy them
	@$(BIN)/fanfold stage push-images $(IMAGES)

scan-images: install ## Wait for ECR's scan of the images that FANFOLD_DIGEST_* name; fails where a finding is critical
	@$(BIN)/fanfold stage scan-images

test-images: install ## Build the images, where docker or buildah is there, and test their functions
	@$(BIN)/python -m fanfold_dev.images --where-possible $(IMAGES)
	@FANFOLD_IMAGE_TESTS="$(IMAGES)" $(BIN)/python -m pytest tests/images

bench-verdict: install ## Try the bias lab on strategies with and without bias and edge, and time it (STRATEGIES_TRIED=1000)
	@PYTHONPATH=shared:tests $(BIN)/python tests/bench/verdict.py $(or $(STRATEGIES_TRIED),1000)

bench-tax: install ## Print what a year's disposals take, beside rp2 on the same ledgers; `make oracle` installs it
	@$(BIN)/python tests/bench/run.py tax

bench-images: images ## Print the images' cold starts, against `import botocore.session`
	@$(BIN)/python tests/bench/run.py images

sbom: install ## Write a bill of materials of each built image into build/sbom (CycloneDX)
	@$(BIN)/python -m fanfold_dev.images.sbom $(IMAGES)

pages: node_modules/.installed ## Build the scripts and styles of the pages anew
	@npm run --silent pages

pictures: install ## Draw the pictures of docs/page.md, of the page that PAGE serves (PAGE=http://127.0.0.1:8080/, by fanfold serve)
	@$(BIN)/python tests/pages/pictures.py $(or $(PAGE),http://127.0.0.1:8080/)

notebooks: install ## Run the example notebooks, and keep what they print
	@PYTHONPATH=shared:tests $(BIN)/python tests/notebooks/running.py

documents: install ## Write the generated documents anew
	@$(BIN)/python -m fanfold_dev.documents.generate

# What aws-xray-sdk asks for and does not load in Lambda.
NOT_IN_IMAGES := botocore jmespath python-dateutil six
# requests, which ccxt and apprise ask for, loads it.
REQUESTS_IMAGES := market-data execution alerts

lock: install ## Pin every dependency, with hashes, from pyproject.toml
	@$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 --extra console --extra test pyproject.toml -o requirements.txt
	@$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 --extra oracle pyproject.toml -o tests/oracles/requirements.txt
	@for image in $(IMAGED); do \
	  case " $(REQUESTS_IMAGES) " in *" $$image "*) unwanted= ;; *) unwanted="--no-emit-package urllib3" ;; esac; \
	  $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    --python-version 3.11 --extra $$image $(foreach package,$(NOT_IN_IMAGES),--no-emit-package $(package)) $$unwanted \
	    pyproject.toml -o docker/requirements-$$image.txt || exit 1; done

package: node_modules/.installed ## CloudFormation of a stage into build/STAGE, without account and network (STAGE=dev)
	@for stack in . $(STACKS:%=services/%); do \
	  name=$$(basename $$stack | sed 's/^\.$$/platform/') && into=$(CURDIR)/build/$(STAGE) && mkdir -p $$into && \
	  (cd $$stack && AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none SLS_TELEMETRY_DISABLED=1 NODE_NO_WARNINGS=1 \
	    $(CURDIR)/node_modules/.bin/serverless package --stage $(STAGE) --package $$into/$$name >$$into/log 2>&1 \
	    || { cat $$into/log >&2; exit 1; }) && \
	  cp $$into/$$name/cloudformation-template-update-stack.json $$into/$$name.json && \
	  echo "build/$(STAGE)/$$name.json" || exit 1; done

scan: package ## Scan the packaged templates with checkov, which is installed apart (pip install '.[scan]')
	@checkov=$(BIN)/checkov; test -x $$checkov || checkov=$$(command -v checkov) || \
	  { echo "checkov is not installed: run $(BIN)/python -m uv pip install '.[scan]'" >&2; exit 1; }; \
	  $$checkov $(foreach stack,platform $(STACKS),-f build/$(STAGE)/$(stack).json) \
	    --framework cloudformation --config-file .checkov.yml --compact --quiet

audit-dependencies: install ## Ask for advisories against all locks; pip-audit is installed apart (pip install '.[advisories]')
	@$(BIN)/python -m fanfold_dev.images.advisories

bootstrap: install ## Once a stage: image repositories, deployment bucket, bounds of roles, the delivery's role (REPOSITORY=owner/name)
	@$(BIN)/fanfold stage bootstrap $(STAGE) --repository "$(REPOSITORY)"

deploy: install ## Deploy a stage, the platform and then the five services (STAGE=dev; pr-123 REMOVE_AFTER=2026-03-04)
	@$(BIN)/fanfold stage deploy $(STAGE) $(if $(REMOVE_AFTER),--remove-after $(REMOVE_AFTER))

smoke: install ## After a deploy: ask for an order and wait for its fill, through the stage's own functions (STAGE=dev)
	@$(BIN)/fanfold stage smoke $(STAGE)

rollback: install ## Bring back what a service was one deploy ago (STAGE=dev SERVICE=signal)
	@$(BIN)/fanfold stage rollback $(STAGE) $(if $(SERVICE),--service $(SERVICE))

remove: install ## Remove a stage, all that it holds too; of paper and live the stacks alone (STAGE=dev; live CONFIRM=live)
	@$(BIN)/fanfold stage remove $(STAGE) --confirm "$(CONFIRM)"

sweep-stages: install ## Remove the temporary stages that have expired (DRY_RUN=1 lists them; KIND=pr those alone)
	@$(BIN)/fanfold stage sweep $(if $(DRY_RUN),--dry-run) $(if $(KIND),--kind $(KIND))

clean: ## Remove what install and runs have made
	@rm -rf .venv node_modules .fanfold build *.egg-info shared/*.egg-info

.venv/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@$(BIN)/python -m uv pip install --quiet --compile-bytecode --require-hashes --requirements requirements.txt
	@$(BIN)/python -m uv pip install --quiet --no-deps --editable .
	@touch $@

node_modules/.installed: package.json package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 19)) { console.error("Node 20.19 or newer is needed (22 is best); this is " + process.version); process.exit(1) }' \
	  || { echo "Node 20.19 or newer is needed to run the Serverless tool (22 is best)" >&2; exit 1; }
	@npm ci --silent --no-audit --no-fund
	@touch $@
