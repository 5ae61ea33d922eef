# `make` lists these. The work itself is in .ci/run and benches/peers.sh, which run without make too.
.PHONY: help check lint test live doc fuzz bench

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "%-8s %s\n", $$1, $$2}' Makefile

check: ## all that CI runs (installs what it needs when root)
	bash .ci/run

lint: ## formatting, clippy, shellcheck
	bash .ci/run scripts lint

test: ## the tests; those that need root, auditd and rsyslog skip with a reason
	cargo test

live: ## the tests with the live ones mandatory: as root, with auditd and rsyslog installed
	AUDITWARD_LIVE=1 cargo test

doc: ## the library's pages, private items too, in target/doc
	bash .ci/run doc

fuzz: ## each fuzz target for a minute
	for target in $$(cargo fuzz list); do bash .ci/fuzz $$target 60 || exit 1; done

bench: ## replay and events against laurel, ausearch and wc (docs/performance.md)
	bash benches/peers.sh
