#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: floors, unit tests (also under the address and undefined
# behaviour sanitizers), fuzz targets for a bounded time, end-to-end and conformance tests with real processes.
#
#   scripts/test.sh            all of it
#   scripts/test.sh unit|asan|fuzz|e2e ...   parts of it
#   scripts/test.sh tsan                     the unit tests under the thread sanitizer, which takes as long as all the rest
set -euo pipefail
cd "$(dirname "$0")/.."
FUZZ_SECONDS=${FUZZ_SECONDS:-15}
CLIENTS=build/clients

parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(unit e2e asan fuzz)

say() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

build() {
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >/dev/null
  cmake --build --preset "$1" ${2:+--target "${@:2}"} | tail -n 1
}

# The third-party frameworks, by name and pinned version.
clients() {
  if [ ! -x "$CLIENTS/python/bin/python" ]; then
    # http-parser comes from Debian: its source release does not build with today's Python.
    /usr/bin/python3 -m venv --system-site-packages "$CLIENTS/python"
    "$CLIENTS/python/bin/pip" install --quiet --no-deps -r tests/conformance/requirements.txt
    "$CLIENTS/python/bin/pip" install --quiet --no-deps pytest==8.3.4 pluggy==1.5.0 iniconfig==2.0.0 packaging==24.2
  fi
  (cd tests/conformance && GOFLAGS=-mod=readonly GOTOOLCHAIN=local go build -o "../../$CLIENTS/go/" \
    github.com/mesos/mesos-go/api/v1/cmd/example-scheduler github.com/mesos/mesos-go/api/v1/cmd/example-executor)
}

unit() {
  say "Build"
  build release
  say "Floors and unit tests"
  python3 scripts/check_floors.py
  ctest --test-dir build/release --output-on-failure
}

e2e() {
  say "End-to-end and conformance tests"
  build release
  clients
  "$CLIENTS/python/bin/python" -m pytest -q -p no:cacheprovider tests/e2e
}

asan() {
  say "Unit tests under the address and undefined behaviour sanitizers"
  build asan
  ctest --test-dir build/asan --output-on-failure
}

tsan() {
  say "Unit tests under the thread sanitizer"
  build tsan
  ctest --test-dir build/tsan --output-on-failure
}

fuzz() {
  say "Fuzz targets, $FUZZ_SECONDS s each"
  build fuzz fuzz_targets
  scripts/fuzz.sh "$FUZZ_SECONDS"
}

scripts/install.sh
for part in "${parts[@]}"; do "$part"; done
say "All passed"
