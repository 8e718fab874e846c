# The names of the tasks; see README.md and CONTRIBUTING.md.
CARGO ?= cargo

# One selection of packages and features for all builds, so that the engine is
# compiled once.
BUILD = $(CARGO) build --release --locked --workspace

RUN = "$${CARGO_TARGET_DIR:-target}/release"

.PHONY: build static demo test test-target test-servers probes probes-check docs bench bench-inside instructions \
	instructions-update fuzz

build:
	$(BUILD) --bin waitfor

# The program as one file that needs nothing of the machine, and as small as it
# gets: for containers. Wants the C compiler of Debian's musl-tools, and time.
STATIC ?= x86_64-unknown-linux-musl
static:
	rustup target add $(STATIC)
	$(CARGO) build --profile dist --locked --workspace --bin waitfor --target $(STATIC)

# Shows the main job on what is inside the binary.
demo: build
	$(RUN)/waitfor demo

# Installs what the tests need, builds, and runs every test.
test: test-target test-servers build
	$(CARGO) test --release --locked --workspace --no-fail-fast

# The target that probes are built for, where it can be had.
test-target:
	sh tests/scripts/wasm-target

# The real servers that the tests start.
test-servers:
	$(BUILD) --bin install-servers
	$(RUN)/install-servers

# Builds the official probes from source and publishes them to registry/official.
probes: test-target
	$(BUILD) --bin waitfor-official
	$(RUN)/waitfor-official publish

# Shows that the sources give the published digests.
probes-check: test-target
	$(BUILD) --bin waitfor-official
	$(RUN)/waitfor-official check

# Writes the parameter tables of docs/probes/.
docs:
	$(BUILD) --bin waitfor-official
	$(RUN)/waitfor-official docs

# Measures, in one run, beside the tools that people would use instead, and
# writes docs/performance.md: all of it, or PART, as in `make bench PART=lag`. What
# the linker has just written lies in memory in other pieces than an installed file.
bench: test-target test-servers build
	$(BUILD) --bin bench --bin usage
	mkdir -p $(RUN)/installed
	cp $(RUN)/waitfor $(RUN)/installed/waitfor
	WAITFOR_BIN=$(RUN)/installed/waitfor $(RUN)/bench $(PART)

# Measures what a run is made of, each part by itself: where the above tells that
# something became slower, this tells what. FILTER=attempt runs those alone.
bench-inside: test-servers
	$(CARGO) bench --profile release --locked --workspace --bench inside \
		--features waitfor/benching -- $(if $(FILTER),'$(FILTER)')

# Compares how many instructions fixed runs take with tests/instructions.toml.
instructions: build
	$(BUILD) --bin instructions
	$(RUN)/instructions check

# Writes tests/instructions.toml anew.
instructions-update: build
	$(BUILD) --bin instructions
	$(RUN)/instructions update

# Builds the fuzz targets and runs each of them for so many seconds.
FUZZ_SECONDS ?= 10
fuzz:
	sh tests/scripts/fuzz $(FUZZ_SECONDS)
