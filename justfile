# Short names for the commands in CONTRIBUTING.md. Anything that needs logic is a test.

# List the commands.
default:
    @just --list

# The whole gate: what CI runs, and nothing else.
verify:
    ./.ci/run

# Everything that is fast, while working.
quick:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# All tests and documentation examples.
test:
    cargo test --workspace

# Borders, licences, error pages and words.
architecture:
    cargo test -p linchpin-tests architecture

# Hostile input, each target for so many seconds.
fuzz seconds="300":
    LINCHPIN_FUZZ_SECONDS={{seconds}} cargo test --workspace --test product fuzz

# Whole runs on a simulated machine, so many schedules.
simulate count="100000":
    LINCHPIN_SIMULATIONS={{count}} cargo test --release --workspace --test product simulation

# The API documentation of all crates.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Throughput and latency, beside what the disk and the network allow.
bench:
    cargo run --release -p linchpin-benches
