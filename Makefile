# Wiretape: one spelling for people and for CI. `make run` and `make test` install what they miss.
SHELL := /bin/bash
TARGET := x86_64-unknown-linux-gnu
BINARY := build/wiretape
STATIC := RUSTFLAGS="-C target-feature=+crt-static"

.PHONY: run test build image bench bench-query bench-survival bench-investigate fuzz lint deny clean deps

run: deps build          ## record on this host and show the first flows
	tools/run

test: deps               ## every test; what needs root, docker or a peer tool says so when it is skipped
	tools/test

build:                   ## the static binary: build/wiretape
	mkdir -p build
	$(STATIC) cargo build --release --locked --target $(TARGET) -p wiretape
	cp target/$(TARGET)/release/wiretape $(BINARY)

image: $(if $(SKIP_BUILD),,build)           ## a FROM scratch image tagged wiretape
	tools/image

bench: deps build        ## loss and CPU beside tcpdump, dumpcap, netsniff-ng and stenotype (root; about 15 minutes)
	python3 bench/record.py --binary $(BINARY)

bench-query: deps build  ## questions beside tcpdump, stenoread and DuckDB (root; 25 GB of disk, about an hour the first time)
	cargo build --release --locked -p tape --example sparse
	python3 bench/query.py --binary $(BINARY)

bench-investigate: deps build  ## what is said in 4 GB of packets, beside tshark and tcpflow (8 GB of disk, 10 minutes)
	python3 bench/investigate.py --binary $(BINARY)

bench-survival: deps build  ## an incident and a flood of 100 times the tape in each shape, beside rings of the same size (hours; SURVIVAL="--only shapes --times 10" is ten times, about half an hour)
	cargo build --release --locked -p packet --example survival
	python3 bench/survival.py --binary $(BINARY) $(SURVIVAL)

fuzz:                    ## every fuzz target for SECONDS_EACH seconds (default 60)
	tools/fuzz $${SECONDS_EACH:-60}

lint:                    ## formatting, clippy, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

deny:                    ## licences, bans and sources of all dependencies
	cargo deny --offline check bans licenses sources

deps:
	tools/install

clean:
	cargo clean
	rm -rf build
