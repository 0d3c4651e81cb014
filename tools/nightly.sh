#!/bin/bash
# What is done every night: everything that a release must pass, with half an hour for each fuzzer;
# all benchmarks, beside the baseline and beside other engines; the baseline anew, where the gate has
# passed; and one report of it all, build/nightly/report.html. All of it runs even if a part fails.
#
# Usage: nightly.sh            CAISSON_REPEATS=N: repeats of each benchmark (default 5)
# Exits with 0 if nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."

out=build/nightly
repeats=${CAISSON_REPEATS:-5}
bench=build/bench/caisson-bench
baseline=bench/baselines/dev_nvme.json
notes=()
failed=0

# part NAME COMMAND...: what came of it is a line of the report.
part() {
  local name=$1 start=$SECONDS verdict=passed
  shift
  echo "=== $name: $*"
  "$@" || verdict=FAILED
  [[ $verdict == passed ]] || failed=1
  notes+=(--note "$name: $verdict, $(((SECONDS - start + 59) / 60)) min")
  [[ $verdict == passed ]]
}

rm -rf "$out"
mkdir -p "$out"
part "Hardening" make check-release CAISSON_FUZZ_SECONDS="${CAISSON_FUZZ_SECONDS:-1800}"
notes+=(--note "Tests: $(/usr/bin/python3 -B .ci/totals.py build/junit | tail -1)")

cmake --preset bench > /dev/null && cmake --build --preset bench --target caisson-bench
if part "Benchmarks" "$bench" --profile dev_nvme --repeats "$repeats" --out "$out/results"; then
  if part "Gate" "$bench" gate "$baseline" "$out/results" --csv "$out/changes.csv"; then
    part "New baseline" "$bench" capture-baseline --from "$out/results" --to "$baseline"
  fi
fi
/usr/bin/python3 -B bench/plot.py "$out/results" --out "$out" --title "Caisson, nightly" \
  "${notes[@]}" || failed=1
exit "$failed"
