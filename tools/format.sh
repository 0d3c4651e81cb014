#!/bin/bash
# Formats all C++ of the tree, or with --check says what is not formatted and changes nothing.
#
# Usage: format.sh [--check]
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  "") mode=(-i) ;;
  --check) mode=(--dry-run --Werror) ;;
  *)
    echo "usage: $0 [--check]" >&2
    exit 2
    ;;
esac

find . -path ./build -prune -o -path './.*' -prune -o -type f \( -name '*.h' -o -name '*.cc' \) \
  -print0 | sort -z | xargs -0 --no-run-if-empty clang-format-19 --style=file "${mode[@]}"
