#!/bin/bash
# Runs the quick benchmarks and holds what they count (flushes, allocations, bytes, pages) against
# bench/baselines/ci.json: more than that fails. Times are shown beside references of the same run,
# and fail nothing.
#
# Usage: bench_gate.sh
# After a change that is meant to count more:
#   build/release/caisson-bench capture-baseline --profile ci --suite micro
set -euo pipefail
cd "$(dirname "$0")/.."

results=build/bench-ci
cmake --preset release > /dev/null
cmake --build --preset release --target caisson-bench
rm -rf "$results"
build/release/caisson-bench --profile ci --suite micro --repeats 3 --out "$results"
echo
build/release/caisson-bench gate bench/baselines/ci.json "$results"
