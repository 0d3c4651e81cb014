#!/bin/bash
# Installs what Caisson is built and tested with, on Debian 12 or a close relative. Asks nothing;
# does nothing, quickly, when all of it is there.
#
# Usage: setup.sh [core|bench|ci|arm64|all]...          (default: core)
set -euo pipefail

# What `make test` and `make demo` need.
core=(
  cmake             # the build, 3.25 or later
  g++               # the compiler, 12 or later
  ninja-build       # runs the build
  make              # runs the Makefile, which names the commands
  python3           # checks of the tree
  python3-xxhash    # and of golden logs
  pkgconf           # the install test reads caisson.pc with it
  ccache            # makes the second build of anything quick
  libxxhash-dev     # hashing, used as a header
  liburing-dev      # io_uring, one of the ways to write the log
  libgtest-dev      # tests
  libgmock-dev      # tests
  librapidcheck-dev # property tests
  libcli11-dev      # the caisson program's command line
  nlohmann-json3-dev # and its JSON
  libvalijson-dev   # the schema of what benchmarks write
  libsqlite3-dev    # an example mirrors a store into it; and it is a peer of the store
)
# What `make bench` needs as well.
bench=(
  libbenchmark-dev  # the benchmarks
  libisal-dev       # a peer to compare our CRC with
  liblmdb-dev       # a peer to compare our tree with, and the whole store
  librocksdb-dev    # another one
  libwiredtiger-dev # and the last one
  python3-matplotlib # draws what they measured
)
# What .ci/run needs as well.
ci=(
  git                # finds what changed
  clang-19           # the second compiler; thread-safety analysis, TSan, fuzzing
  libclang-rt-19-dev # sanitizers and libFuzzer for it
  llvm-19            # its symbolizer, for readable reports
  clang-tidy-19      # lint
  clang-format-19    # format
  libbenchmark-dev   # the benchmarks whose counts are gated
  python3-matplotlib # tests what draws the benchmarks
)
# What the arm64 preset needs as well.
arm64=(
  g++-aarch64-linux-gnu # the compiler
  qemu-user             # runs what it makes
  googletest            # GoogleTest's sources, to build for that machine
)

wanted=()
for list in "${@:-core}"; do
  case $list in
    core) wanted+=("${core[@]}") ;;
    bench) wanted+=("${core[@]}" "${bench[@]}") ;;
    ci) wanted+=("${core[@]}" "${ci[@]}") ;;
    arm64) wanted+=("${core[@]}" "${arm64[@]}") ;;
    all) wanted+=("${core[@]}" "${bench[@]}" "${ci[@]}" "${arm64[@]}") ;;
    *)
      echo "usage: $0 [core|bench|ci|arm64|all]..." >&2
      exit 2
      ;;
  esac
done

if ! command -v dpkg-query > /dev/null; then
  echo "This is no Debian. Install these, under the names that they have here:" >&2
  printf '  %s\n' "${wanted[@]}" >&2
  echo "or run cmake --workflow --preset dev when they are there." >&2
  exit 1
fi

missing=()
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2> /dev/null || true)
for package in "${wanted[@]}"; do
  grep -qx "$package installed" <<< "$installed" || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    as_root=(sudo -n)
  else
    echo "Caisson needs packages that are not installed. As root, run:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi

echo "Installing: ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
  apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
# Package lists of an earlier day are good enough if they still work.
install=("${apt[@]}" install -y --no-install-recommends "${missing[@]}")
if ! "${install[@]}" < /dev/null > /dev/null 2>&1; then
  if ! "${apt[@]}" update < /dev/null || ! "${install[@]}" < /dev/null; then
    echo "Could not install the packages. As root, run:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi
