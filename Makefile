# Every target does its own set-up. `make help` lists them.
SHELL := /bin/sh
# The pinned Node comes first: recipes run on it though the machine has another one.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export TURBO_TELEMETRY_DISABLED := 1
# What was compiled once is not compiled again: the platform starts a third sooner.
export NODE_COMPILE_CACHE := $(CURDIR)/node_modules/.cache/node-compile
# What is given on the command line (S=…, EMAIL=…) reaches the recipes as it is, by the environment.
export S EMAIL PASSWORD ROLE JSON NAME
JAN := node packages/embedded/src/cli.ts
INSTALLED := node_modules/.jan-installed


.PHONY: help install clients demo start start-bg stop status reset logs doctor user new-service test test-platform bench chaos verify measure
.DEFAULT_GOAL := help

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): package-lock.json package.json $(wildcard packages/*/package.json services/*/package.json tests/package.json)
	@echo 'Installing …'
	@npm ci --loglevel=error >/dev/null
	@# npm 10 drops this link again while it removes the other platforms' packages.
	@cd node_modules && { test -e .bin/node || ln -s ../$$(ls -d node-*/bin/node | head -n 1) .bin/node; }
	@touch $@

install: $(INSTALLED)

# Prisma's clients: git ignores them, and nothing runs without.
clients: $(INSTALLED)
	@turbo run client --no-update-notifier >/dev/null 2>&1 || turbo run client --no-update-notifier

demo: clients ## start the platform, walk through the main job, stop
	@$(JAN) demo

start: clients ## the whole platform in the foreground; Ctrl-C stops it
	@exec $(JAN) start

start-bg: clients ## the whole platform in the background; returns when all is ready
	@$(JAN) start-bg

stop: install ## stop what start-bg started
	@$(JAN) stop

status: install ## what runs, and where
	@$(JAN) status

reset: install ## stop, and remove everything that was kept (.jan/)
	@$(JAN) reset

logs: install ## follow a part's log: make logs S=llm-api
	@$(JAN) logs

doctor: install ## look for what could stand in the way
	@$(JAN) doctor

user: install ## create a user: make user EMAIL=… [PASSWORD=…] [ROLE=user|admin] [JSON=1]
	@$(JAN) user

new-service: install ## make a service of the template, registered everywhere: make new-service NAME=billing-api
	@# It links the new workspace itself: the newer lock asks for no installation.
	@node scripts/new-service.ts && touch $(INSTALLED)

test: $(INSTALLED) ## type-check, lint and run every test
	@node scripts/test.ts

test-platform: clients ## the suites that need a real part (Keycloak, S3, …): [ONLY=keycloak,s3]
	@node scripts/test-platform.ts

bench: clients ## what it costs, against a floor and a peer: [ONLY=chat-relay] [ROUNDS=…] [SECONDS=…] [WRITE=1] [PEER=url …]
	@node tests/bench/main.ts

chaos: clients ## faults against two replicas, judged from outside: [ONLY=chat-relay] [SEED=…] [FAULTS=…] [WRITE=1]
	@node tests/chaos/main.ts

verify: test ## what must be green before a commit; CI runs make test-platform, too

measure: install ## how long a clean clone takes and what it weighs (prints, asserts nothing)
	@node scripts/measure.ts
