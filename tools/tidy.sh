#!/bin/bash
# Runs clang-tidy with .clang-tidy on all C++ of the tree, on the given files, or with --changed
# on what differs from the branch point with main (on main: from the commit before). Where git
# knows no such commit, --changed means everything.
#
# Usage: tidy.sh [--changed | FILE...]
set -euo pipefail
cd "$(dirname "$0")/.."

all_sources() {
  find . -path ./build -prune -o -path './.*' -prune -o -path ./tests/consumer -prune -o \
    -type f -name '*.cc' -print | sed 's|^\./||' | sort
}

# The commit that the work began at; empty if there is none.
starting_point() {
  local head branch
  head=$(git rev-parse -q --verify HEAD) || return 0
  for branch in origin/main main; do
    git rev-parse -q --verify "$branch^{commit}" > /dev/null || continue
    local base
    base=$(git merge-base "$branch" HEAD) || continue
    if [[ $base != "$head" ]]; then
      echo "$base"
      return 0
    fi
  done
  git rev-parse -q --verify HEAD~1 || true
}

# clang-tidy looks at a header through a source that includes it: the one beside it, or else the
# first found.
source_for() {
  case $1 in
    *.cc) echo "$1" ;;
    *.h)
      local header=${1#include/}
      if [[ -f ${1%.h}.cc ]]; then
        echo "${1%.h}.cc"
      else
        all_sources | xargs grep -lF -e "\"$header\"" -e "<$header>" | head -1 || true
      fi
      ;;
  esac
}

changed_sources() {
  local base=$1 file
  { git diff --name-only --diff-filter=d "$base" && git ls-files --others --exclude-standard; } |
    grep -E '\.(cc|h)$' | grep -v '^tests/consumer/' | sort -u |
    while read -r file; do source_for "$file"; done | sort -u
}

case ${1-} in
  "") sources=$(all_sources) ;;
  --changed)
    base=$(starting_point)
    if [[ -n $base ]]; then
      sources=$(changed_sources "$base" || true)
    else
      sources=$(all_sources)
    fi
    ;;
  -*)
    echo "usage: $0 [--changed | FILE...]" >&2
    exit 2
    ;;
  *) sources=$(printf '%s\n' "$@") ;;
esac

cmake --preset tidy > /dev/null

# What is not compiled (a kernel for another CPU family is, as an empty file; a fuzz target of
# another build is not) can't be checked.
sources=$(while read -r source; do
  [[ -n $source ]] || continue
  if grep -qF "\"$PWD/$source\"" build/tidy/compile_commands.json; then
    echo "$source"
  else
    echo "not compiled here, skipped: $source" >&2
  fi
done <<< "$sources")
if [[ -z $sources ]]; then
  echo "clang-tidy: nothing to look at"
  exit 0
fi

# clang's analyzer follows paths through functions. In tests it spends most of the time on
# GoogleTest's macros and finds nothing that running them does not.
tidy() {
  local options=()
  [[ $1 == *_test.cc ]] && options=('--checks=-clang-analyzer-*')
  clang-tidy-19 -p build/tidy --quiet "${options[@]}" --warnings-as-errors='*' "$1" 2>&1 |
    { grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' || true; }
}
export -f tidy

echo "clang-tidy: $(wc -l <<< "$sources") files"
xargs -d '\n' -P "$(nproc)" -I {} bash -o pipefail -c 'tidy "{}"' <<< "$sources"
