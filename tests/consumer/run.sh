#!/bin/bash
# Installs Caisson, static and shared, and uses it from a separate project in each way that
# README offers: find_package, pkg-config with a plain compiler, add_subdirectory, FetchContent.
# Each installed tree is moved before it is used, so that nothing may remember where it was built.
# Checks too that the shared library exports nothing but caisson's own symbols, and only those
# marked CAISSON_API.
#
# Usage: run.sh COMPILER WORK-FOLDER       (the folder is emptied first)
set -euo pipefail

compiler=$1
work=$2
consumer=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$consumer/../.." && pwd)

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Runs a command and shows what it printed only if it fails.
quietly() {
  "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; fail "$*"; }
}

# configure SOURCE BUILD OPTION...
configure() {
  quietly cmake -G Ninja -S "$1" -B "$2" -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_BUILD_TYPE=None "${@:3}"
}

check_version() {
  local printed
  printed=$("$@") || fail "$* exited with $?"
  [[ $printed == "$version" ]] || fail "$* says version '$printed', not '$version'"
}

# Each exported symbol is in namespace caisson (its type information and tables included), and
# none comes from a place that only we know of.
check_exports() {
  local library=$1 exports strangers
  exports=$(nm -DC --defined-only "$library" | cut -d' ' -f3-)
  strangers=$(grep -vE '^((vtable|typeinfo|typeinfo name|VTT|guard variable) for )?caisson::' \
    <<< "$exports" || true)
  [[ -z $strangers ]] || fail "$library exports symbols that are not caisson's:"$'\n'"$strangers"

  # What is exported must be declared in a public header.
  local name
  while read -r name; do
    grep -qrwF -- "$name" "$source/include/caisson" ||
      fail "$library exports caisson::...$name, which no public header declares"
  done < <(sed -E 's/\[abi:[^]]*\]//g; s/\(.*//; s/.*:://; s/^~//' <<< "$exports" | sort -u)
  grep -q '^caisson::version' <<< "$exports" || fail "$library does not export caisson::version"
}

# The program runs from where it lies, and its man pages and completions lie where systems look for
# them. Where its libraries aren't to be had, it isn't built.
check_program() {
  local program=$1/bin/caisson file
  [[ -e $program ]] || { echo "not built: the caisson program"; return; }
  [[ $("$program" --version) == "caisson $version" ]] || fail "$program has another version"
  for file in man/man1/caisson.1 man/man1/caisson-load.1 bash-completion/completions/caisson \
    zsh/site-functions/_caisson fish/vendor_completions.d/caisson.fish; do
    [[ -s $1/share/$file ]] || fail "$1/share/$file is missing"
  done
  [[ ! -e $1/share/man/man1/caisson-generate.1 ]] || fail "a hidden command has a man page"
}

rm -rf "$work"
mkdir -p "$work"
version=$(sed -nE 's/^  VERSION ([0-9.]+)$/\1/p' "$source/CMakeLists.txt")

for flavour in static shared; do
  [[ $flavour == shared ]] && shared=ON || shared=OFF
  configure "$source" "$work/build-$flavour" -DCAISSON_DEVELOPER_MODE=OFF \
    -DBUILD_SHARED_LIBS="$shared" -DCMAKE_INSTALL_PREFIX="$work/staging-$flavour"
  quietly cmake --build "$work/build-$flavour" -j2
  quietly cmake --install "$work/build-$flavour"
  prefix=$work/installed-$flavour
  mv "$work/staging-$flavour" "$prefix"
  if grep -rIlF -e "$source" -e "$work" "$prefix"; then
    fail "the installed files above name the folder they were built in"
  fi

  check_program "$prefix"
  configure "$consumer" "$work/find-$flavour" -DCMAKE_PREFIX_PATH="$prefix"
  quietly cmake --build "$work/find-$flavour"
  check_version "$work/find-$flavour/consumer"
  echo "ok: find_package, $flavour"

  pc=$(find "$prefix" -name pkgconfig)
  # Word splitting is wanted: pkg-config prints several arguments.
  # shellcheck disable=SC2046
  quietly "$compiler" -std=c++23 "$consumer/main.cc" -o "$work/pkg-$flavour" \
    $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs caisson)
  LD_LIBRARY_PATH=$(dirname "$pc") check_version "$work/pkg-$flavour"
  if [[ $flavour == static ]]; then
    # The consumer needs few of the archive's members; all of them need what the package names.
    # shellcheck disable=SC2046
    quietly "$compiler" -std=c++23 "$consumer/main.cc" -o "$work/whole-$flavour" \
      -Wl,--whole-archive "$(dirname "$pc")/libcaisson.a" -Wl,--no-whole-archive \
      $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs caisson)
    check_version "$work/whole-$flavour"
  fi
  [[ $(PKG_CONFIG_PATH=$pc pkg-config --modversion caisson) == "$version" ]] ||
    fail "caisson.pc has another version"
  echo "ok: pkg-config, $flavour"
done

check_exports "$(find "$work/installed-shared" -name 'libcaisson.so' | head -1)"
echo "ok: exported symbols"

launcher=$(command -v ccache || true)
configure "$consumer" "$work/subdirectory" -DCAISSON_SOURCE="$source" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"
quietly cmake --build "$work/subdirectory" -j2
check_version "$work/subdirectory/consumer"
echo "ok: add_subdirectory"

# Without the network: the sources are at hand.
configure "$consumer" "$work/fetch" -DCAISSON_FETCH=ON \
  -DFETCHCONTENT_SOURCE_DIR_CAISSON="$source" -DFETCHCONTENT_FULLY_DISCONNECTED=ON \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"
quietly cmake --build "$work/fetch" -j2
check_version "$work/fetch/consumer"
echo "ok: FetchContent"
