# Daybook's commands. `make` alone lists them. They need git, make, curl and Rust; the rest they install.
SHELL := /bin/sh
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin
# Queries are checked against .sqlx, whatever DATABASE_URL says; `make sqlx` brings it up to date.
export SQLX_OFFLINE := true
# How many tests at once: they wait, for brokers and databases, more than they compute.
export RUST_TEST_THREADS ?= $(shell expr $$(nproc) + 1)
# Where the real data for `make test-data` is.
DAYBOOK_TEST_DATA ?= ../shared/data
# Arguments for `make run`, for example ARGS="--port 9000".
ARGS ?=
# The parts of the set-up: see infra/setup.
SETUP := infra/setup/setup.sh

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what running and testing need; done by the targets that need it
	@$(SETUP) rust packages postgres kafka node confluent

.PHONY: run
run: ## Run Daybook with an embedded PostgreSQL and demo data (ARGS="…" for `daybook dev`)
	@$(SETUP) rust packages postgres
	@infra/setup/kafka.sh --if-java
	@exec cargo run --locked --bin daybook -- dev $(ARGS)

.PHONY: test
test: setup ## Run every test but those on real data
	cargo test --locked --workspace --exclude daybook-bench
	@infra/dev/conformance.sh

.PHONY: test-data
test-data: ## Run the tests on real data, from DAYBOOK_TEST_DATA (default ../shared/data); WHOLE=1: on all of it
	@$(SETUP) rust packages postgres kafka confluent
	@test -d "$(DAYBOOK_TEST_DATA)/olist" || { echo "there is no olist folder in $(DAYBOOK_TEST_DATA); set DAYBOOK_TEST_DATA to the folder of the real data sets" >&2; exit 1; }
	DAYBOOK_TEST_DATA="$$(cd "$(DAYBOOK_TEST_DATA)" && pwd)" DAYBOOK_TEST_WHOLE="$(WHOLE)" cargo test --locked --features real-data --test it real_data

.PHONY: test-unit test-it conformance test-docs
test-unit: ## Run the crates' own tests
	@$(SETUP) rust packages
	cargo test --locked --workspace --exclude daybook --exclude daybook-bench
	cargo test --locked --package daybook --lib --bins
	cargo test --locked --package daybook --doc
test-it: ## Run the integration tests
	@$(SETUP) rust packages postgres kafka
	cargo test --locked --test it --test model
conformance: setup ## Run the third-party protocol suites against a throw-away Daybook
	@infra/dev/conformance.sh
test-docs: ## Run the commands that the documentation shows
	@$(SETUP) rust packages postgres kafka
	cargo build --locked --bin daybook
	@infra/dev/docs.py

.PHONY: chaos chaos-relay chaos-projections chaos-outage chaos-takeover chaos-short chaos-broken
chaos: ## Kill servers and PostgreSQL under load and check the log (KILLS=200, SEED=… repeats the choices of a run)
	@$(SETUP) rust packages postgres
	KILLS="$(or $(KILLS),200)" SEED="$(SEED)" cargo test --locked --features chaos --test chaos -- --exact kills --nocapture
chaos-relay: ## The same for the relay: kill leaders, the broker and PostgreSQL, and compare the topic with the log
	@$(SETUP) rust packages postgres kafka
	KILLS="$(or $(KILLS),100)" SEED="$(SEED)" cargo test --locked --features chaos --test chaos -- --exact relay::published --nocapture
chaos-projections: ## The same for the read models and the policies: kill in the middle of a rebuild, a swap, a batch and an answer
	@$(SETUP) rust packages postgres
	KILLS="$(or $(KILLS),100)" SEED="$(SEED)" cargo test --locked --features chaos --test chaos -- --exact projections::equal --nocapture
chaos-outage: ## Take the broker away for minutes, and see the relay recover (OUTAGE=180, in seconds)
	@$(SETUP) rust packages postgres kafka
	OUTAGE="$(OUTAGE)" SEED="$(SEED)" cargo test --locked --features chaos --test chaos -- --exact outage::survived --nocapture
chaos-takeover: ## Measure how soon another relay publishes when the one that does falls asleep (KILLS=10, how often)
	@$(SETUP) rust packages postgres kafka
	KILLS="$(or $(KILLS),10)" cargo test --locked --features chaos --test chaos -- --exact takeover::measured --nocapture
chaos-short:
	@$(MAKE) --no-print-directory chaos KILLS=15
	@$(MAKE) --no-print-directory chaos-relay KILLS=10
	@$(MAKE) --no-print-directory chaos-projections KILLS=11
chaos-broken: ## Show that the fault harness finds what is broken on purpose
	@$(SETUP) rust packages postgres
	@tests/chaos/broken/run

.PHONY: check
check: ## Everything that CI checks
	@bash .ci/run

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: fmt-check
fmt-check:
	cargo fmt --all --check

.PHONY: lint
lint: ## Run clippy; warnings are errors
	@$(SETUP) rust packages
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

.PHONY: deny
deny: ## Check the dependencies' licences, sources and duplicates
	@$(SETUP) rust packages deny
	cargo deny --locked --workspace check bans licenses sources

.PHONY: sqlx
sqlx: ## Regenerate .sqlx, the checked queries' offline data, from the migrations
	@$(SETUP) rust packages postgres
	@infra/dev/sqlx.sh write

.PHONY: sqlx-check
sqlx-check: ## Fail if .sqlx is out of date
	@$(SETUP) rust packages postgres
	@infra/dev/sqlx.sh check

.PHONY: generated
generated: ## Regenerate docs/api and the schemas of events from the code
	@$(SETUP) rust packages node
	cargo run --locked --quiet --bin daybook -- generate
	@tests/conformance/sdl take

.PHONY: api-reviewed
api-reviewed: ## Accept changes of the GraphQL schema that break clients (WHY="…", for docs/api/breaking-changes.md)
	@$(SETUP) packages node
	@tests/conformance/sdl accept "$(WHY)"

.PHONY: generated-check
generated-check: ## Fail if docs/api or the schemas of events are out of date, or GraphQL clients would break
	@$(SETUP) rust packages node
	@tests/conformance/sdl check
	@new=$$(mktemp -d) && trap 'rm -rf "$$new"' EXIT && cp -R docs/api event-schemas "$$new" && \
	cargo run --locked --quiet --bin daybook -- generate --out "$$new/api" --event-schemas "$$new/event-schemas" && \
	for folder in docs/api event-schemas; do \
	  diff -ruN "$$folder" "$$new/$${folder##*/}" || { echo "$$folder is out of date: run make generated and review the change" >&2; exit 1; }; \
	done

.PHONY: infra-check
infra-check: ## Check the deployment files and all scripts; needs no container engine
	@$(SETUP) rust packages linters
	cargo build --locked --bin daybook
	@infra/dev/deployment.py

.PHONY: bench bench-quick
bench: ## Run the benchmarks, in an hour and a half: docs/benchmarks.md
	@tests/bench/run
bench-quick: ## Run the benchmarks, in a few minutes
	@tests/bench/run --quick

.PHONY: clean
clean: ## Remove what was built; data and installed tools stay
	cargo clean
	rm -rf tests/conformance/node_modules tests/conformance/relay/__generated__ tests/conformance/relay/build \
	  tests/conformance/relay/documents.json
