# The thin front of the build: each target says in one line what it does (`make help`). The build itself
# is CMakeLists.txt with CMakePresets.json, the set-up is tools/setup.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/fairway
PYTHON = $(CACHE)/python-$(shell sha256sum tools/requirements.txt | cut -c1-12)/bin/python
JOBS ?= $(shell nproc)

.PHONY: help setup setup-build setup-helm setup-lab build demo onap images lab-up lab-down lab-shell lab-load test test-long fuzz differential soak bench bench-cluster bench-metrics \
  conformance setup-conformance lint tidy format crds dashboards manifests clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need (pinned; does nothing the second time)
	@tools/setup

setup-build:
	@tools/setup debian python protos

build: setup-build ## Build build/release/fairway
	@tools/build release fairway

demo: build ## Run the ONAP story on real Envoys, no cluster needed (ONCE=1: end by itself)
	@exec $(PYTHON) tools/demo/demo.py $(if $(filter-out 0,$(ONCE)),--once)

onap: images setup-lab ## Play the ONAP walk-through on a cluster of its own (as root; SMALL=1: four pods, ONCE=1: end by itself)
	@$(if $(filter-out 0,$(ONCE)),trap '$(PYTHON) tests/lab/lab.py --name onap down' EXIT;) \
	$(PYTHON) tests/lab/lab.py --name onap up; \
	$(PYTHON) tests/lab/lab.py --name onap exec -- \
	  $(PYTHON) tools/onap/onap.py $(if $(filter-out 0,$(SMALL)),--small) $(if $(filter-out 0,$(ONCE)),--once)

setup-helm:
	@tools/setup helm

setup-lab:
	@tools/setup debian python kubernetes helm coredns

images: build ## Build the container images as archives in build/images
	@$(PYTHON) tools/images/build.py

lab-up: setup-lab ## Start a Kubernetes cluster of one node in namespaces of its own (LAB=name; as root)
	@$(PYTHON) tests/lab/lab.py up

lab-load: setup-lab ## Bring images that were built since into the lab
	@$(PYTHON) tests/lab/lab.py load

lab-shell: ## Open a shell in the lab's network, with kubectl and helm
	@exec $(PYTHON) tests/lab/lab.py shell

lab-down: ## End the lab and remove all it had
	@$(PYTHON) tests/lab/lab.py down

test: setup ## Build everything and run all tests: unit, lint, end-to-end
	@tools/build release all
	@# Most of them wait more than they compute. What fails is run a second time, with both outputs shown: real parts on
	@# a busy machine; test-long repeats nothing.
	@ctest --preset release -j $(shell expr $$(nproc) + 1) --repeat until-pass:2

test-long: setup-conformance ## What takes long: unit tests under address, undefined-behaviour and thread sanitizers; fuzzing; all of ONAP on a cluster
	@tools/build asan unit_tests
	@ctest --preset asan -j $(JOBS) -E '^(e2e|cluster|lint|differential)[.]'
	@tools/build tsan test_engine test_discovery test_sequence  # queue, engine and streams
	@ctest --preset tsan -j $(JOBS) -R '^(unit[.](engine|discovery)|sequence)$$'
	@tools/build release all
	@FAIRWAY_LONG=1 ctest --preset release -R '^cluster[.](onap|conformance|installed)$$'
	@cd tests/differential && $(PYTHON) -m pytest -s --color=no test_mutants.py
	@$(MAKE) fuzz SECONDS=60
	@$(MAKE) soak SECONDS=600

fuzz: setup ## Feed everything that reads bytes from outside with what libFuzzer finds (SECONDS=n of each target, TARGETS="a b")
	@tools/fuzz $(or $(SECONDS),60) $(TARGETS)

differential: setup ## Compare verdicts on a million random requests with random policies (SEED=text: the same ones again)
	@tools/build release fairway
	@cd tests/differential && FAIRWAY_DIFFERENTIAL=$(or $(TRIPLES),1000000) FAIRWAY_DIFFERENTIAL_SEED=$(or $(SEED),$(shell date +%s)) \
	  $(PYTHON) -m pytest -s --color=no test_policies.py

soak: setup ## Change a mesh without rest for an hour, and look for what grows or differs (SECONDS=n)
	@tools/build release fairway
	@cd tests/e2e && FAIRWAY_SOAK_SECONDS=$(or $(SECONDS),3600) $(PYTHON) -m pytest -s --color=no test_soak.py

setup-conformance: setup
	@tools/setup conformance

conformance: images setup-conformance ## Run the Gateway API's conformance suite on a cluster (as root; ONE=Test: that alone, REPORT=1: keep the report)
	@exec $(PYTHON) tests/conformance/conformance.py $(if $(ONE),--only '$(ONE)') $(if $(filter-out 0,$(REPORT)),--report)

bench: setup ## Measure the serving core: time, CPU, memory and bytes of changes with up to 2000 proxies (PARTS="a e": these alone)
	@tools/build release fairway bench
	@$(PYTHON) tests/bench/core.py $(PARTS)

bench-metrics: setup ## Measure what metrics, logs and traces cost the proxies, and how many series there are (PARTS="--rounds 2")
	@tools/build release fairway httpload
	@$(PYTHON) tests/bench/metrics.py $(PARTS)

bench-cluster: images setup-lab ## Measure start, admission, memory and lost requests on a cluster (as root)
	@$(PYTHON) tests/bench/cluster.py

lint: setup-build setup-helm ## Check formatting, include rules, Python, shell, YAML and charts
	@git ls-files -co --exclude-standard '*.h' '*.cpp' | xargs -r clang-format --dry-run --Werror
	@$(PYTHON) tools/lint/includes.py
	@$(PYTHON) tools/lint/texts.py
	@$(PYTHON) tools/crds/generate.py --check
	@$(PYTHON) tools/dashboards/build.py --check
	@$(PYTHON) tools/charts/check.py
	@$(PYTHON) tools/onap/onap_charts.py --check
	@echo 'lint: all good'

tidy: setup-build ## Run clang-tidy over the sources (slow)
	@tools/build dev fairway
	@git ls-files -co --exclude-standard 'operator/*.cpp' | xargs -r -P $(JOBS) -n 4 clang-tidy --quiet -p build/dev

format: setup-build ## Format the C++ sources
	@git ls-files -co --exclude-standard '*.h' '*.cpp' | xargs -r clang-format -i

crds: setup-build ## Write crds/*.yaml from tools/crds (then: make manifests)
	@$(PYTHON) tools/crds/generate.py

dashboards: setup-build ## Write dashboards/*.json from tools/dashboards (then: make manifests)
	@$(PYTHON) tools/dashboards/build.py

manifests: setup-build setup-helm ## Write what comes from the charts: manifests/*.yaml, docs/reference/charts.md; copy into them what they need
	@$(PYTHON) tools/charts/sync.py
	@$(PYTHON) tools/charts/manifests.py
	@$(PYTHON) tools/charts/reference.py

clean: ## Remove build/ (what set-up brought in stays in the cache)
	@rm -rf build
