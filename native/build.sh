#!/bin/sh
# The native part of the Maven build, and usable without Maven:
#   native/build.sh build|skip|test|sanitize|format BUILD_DIR [notests]
# build     configure and compile into BUILD_DIR; the library is BUILD_DIR/lib/libgavel.so; notests leaves the tests out
# skip      check that an earlier build left a library there, and compile nothing
# test      run the CTest suite of BUILD_DIR
# sanitize  compile into BUILD_DIR the libraries with AddressSanitizer and UndefinedBehaviorSanitizer, and run the suite on those
# format    check the C++ layout with clang-format
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
step=${1:-}
build=${2:-$root/native/target/build}
jobs=${GAVEL_JOBS:-$(getconf _NPROCESSORS_ONLN)}

need() {
  command -v "$1" >/dev/null 2>&1 && return
  echo "gavel: cannot build the native library: $1 was not found on the PATH." >&2
  echo "gavel: install CMake 3.25 or newer and g++ 12 or newer (Debian: apt-get install cmake g++ make)." >&2
  exit 1
}

# compile TARGET OPTION...
compile() {
  need cmake
  target=$1
  shift
  # Make looks through every test's dependencies in processes of their own; Ninja reads them all at once. What a folder was begun with, it keeps.
  if [ ! -e "$build/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then
    set -- -G Ninja "$@"
  fi
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release "$@"
  cmake --build "$build" --parallel "$jobs" --target "$target"
}

run_tests() {
  need ctest
  status=0
  none=error
  [ -e "$build/lib/libgavel.so" ] || none=ignore
  ctest --test-dir "$build" --output-on-failure --parallel "$jobs" --no-tests=$none "$@" || status=$?
  # CTest says which tests were skipped; the reason is in its log.
  log=$build/Testing/Temporary/LastTest.log
  if [ -f "$log" ]; then
    awk '$2 == "Testing:" { name = $3 } /^SKIPPED: / { print "NOTICE " name " " $0 }' "$log"
  fi
  return $status
}

case $step in
  build)
    tests=ON
    [ "${3:-}" = notests ] && tests=OFF
    compile all -DGAVEL_TESTS=$tests
    ;;
  skip)
    if [ ! -f "$build/lib/libgavel.so" ]; then
      echo "gavel: gavel.native=skip was asked for, but there is no $build/lib/libgavel.so." >&2
      echo "gavel: build once without -Dgavel.native=skip." >&2
      exit 1
    fi
    ;;
  test)
    run_tests
    ;;
  sanitize)
    compile sanitized -DGAVEL_TESTS=ON
    run_tests --build-config sanitized --label-regex '^sanitized$'
    ;;
  format)
    need cmake
    cmake "-DGAVEL_FORMAT_ROOT=$root/native" -DGAVEL_FORMAT_ACTION=check -P "$root/native/format.cmake"
    ;;
  *)
    echo "gavel: unknown step '$step': say build, skip, test, sanitize or format." >&2
    exit 2
    ;;
esac
