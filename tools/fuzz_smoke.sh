#!/bin/bash
# Builds the fuzz targets and runs each for a while from its corpus. What a run finds that is new
# stays in build/fuzz/corpus/<name>/ and helps the next run; an input that fails is put into
# build/fuzz/artifacts/, with the command that replays it.
#
# Usage: fuzz_smoke.sh SECONDS [TARGET...]              (seconds for each target)
set -euo pipefail
cd "$(dirname "$0")/.."

if ! [[ ${1-} =~ ^[0-9]+$ ]]; then
  echo "usage: $0 SECONDS [TARGET...]" >&2
  exit 2
fi
seconds=$1
shift

cmake --preset fuzz > /dev/null
cmake --build --preset fuzz

targets=("$@")
if [[ $# -eq 0 ]]; then
  for source in fuzz/*_fuzz.cc; do
    [[ -e $source ]] || { echo "there is no fuzz target" >&2; exit 1; }
    targets+=("$(basename "$source" _fuzz.cc)")
  done
fi

run_target() {
  local name=$1 new=build/fuzz/corpus/$1 log=build/fuzz/$1.log options=()
  mkdir -p "$new" build/fuzz/artifacts
  [[ -f fuzz/$name.dict ]] && options+=("-dict=fuzz/$name.dict")
  if "build/fuzz/fuzz_$name" "-max_total_time=$seconds" -timeout=20 -rss_limit_mb=3072 \
    "-artifact_prefix=build/fuzz/artifacts/$name-" "${options[@]}" \
    "$new" "fuzz/corpus/$name" > "$log" 2>&1 < /dev/null; then
    echo "ok: fuzz_$name, $(grep -E '^Done' "$log" | tail -1)"
  else
    tail -60 "$log"
    echo "FAILED: fuzz_$name; replay with build/fuzz/fuzz_$name build/fuzz/artifacts/$name-..."
    return 1
  fi
}
export -f run_target
export seconds ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

# xargs answers 123 when any of them failed, after all have run.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I {} bash -c 'run_target {}'
