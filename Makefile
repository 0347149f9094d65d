# The same commands as .ci/run. `make help` lists them.
CARGO ?= cargo
.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: k8s-assets clients ## every test, with a real Kubernetes API server and foreign clients (installed once, into your cache folder), then the search for leaked secrets
	@$(CARGO) test --locked --quiet --test canaries -- --clear
	REQUIRE_APISERVER=1 REQUIRE_CLIENTS=1 $(CARGO) test --locked
	@$(MAKE) --no-print-directory canaries

.PHONY: canaries
canaries: ## search the output of the last test run for the secrets of the suite
	$(CARGO) test --locked --quiet --test canaries

.PHONY: k8s-assets
k8s-assets: ## kube-apiserver, etcd and kubectl for the tests: builds what is missing (needs Go)
	@hack/k8s-assets.sh

.PHONY: clients
clients: ## what the foreign clients of the sandbox need: Python and npm packages, a Go program, Chromium
	@hack/clients.sh

.PHONY: bench
bench: ## the sandbox against its budgets, as ratios
	$(CARGO) run --locked --release --quiet -- sandbox bench --world examples/first/.sandbox/world.yaml

.PHONY: lint
lint: ## formatting, clippy with warnings denied, and cargo-deny where it is installed
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check; \
	else echo "cargo-deny is not installed: licences and advisories are not checked (cargo install --locked cargo-deny)" >&2; fi

.PHONY: generate
generate: ## write crds/ anew from the Rust types, and the pages of docs/ that are made from tables
	rm -rf crds
	$(CARGO) run --locked --quiet -- crds --out crds
	UPDATE_DOCS=1 $(CARGO) test --locked --quiet --test it -- claims:: docs::

.PHONY: check-generated
check-generated: ## fail when crds/ differs from the Rust types
	@hack/check-generated.sh
