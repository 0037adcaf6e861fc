#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every test; prints at the end what each part took.
#
#   scripts/test.sh                    all of it
#   scripts/test.sh PART ...           some of it: style, unit, e2e, sanitize, fuzz
#   scripts/test.sh attack             real processes under attack: hostile peers, with little memory and few threads
#   scripts/test.sh tsan               the unit tests under the thread sanitizer, which takes as long as all the rest
#
# style     rooms, idioms, citations and links, formatting
# unit      unit tests of the release build
# e2e       end-to-end and conformance tests with real processes
# sanitize  unit tests under the address and undefined behaviour sanitizers
# fuzz      every fuzz target, for FUZZ_SECONDS (15) each
set -euo pipefail
cd "$(dirname "$0")/.."
FUZZ_SECONDS=${FUZZ_SECONDS:-15}
CLIENTS=build/clients

parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(style unit e2e sanitize fuzz)

times=()
# timed NAME COMMAND...: runs it and notes what it took.
timed() {
  local name=$1 begin=$SECONDS
  shift
  printf '\n== %s (%s)\n' "$name" "$(date +%T)"
  "$@"
  times+=("$(printf '%6d s  %s' $((SECONDS - begin)) "$name")")
}

build() {
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >/dev/null
  cmake --build --preset "$1" ${2:+--target "${@:2}"} | tail -n 1
}

unit_tests() {
  ctest --test-dir "build/$1" -j "$(nproc)" --output-on-failure
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

format() {
  git ls-files '*.cc' '*.h' | xargs clang-format-19 --dry-run --Werror
}

# Each source file names its license in its first lines.
licenses() {
  local missing
  missing=$(git ls-files '*.cc' '*.h' '*.proto' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt' |
    xargs grep -L 'SPDX-License-Identifier: Apache-2.0' || true)
  [ -z "$missing" ] || { echo "These files have no SPDX line:"; echo "$missing"; return 1; }
}

style() {
  timed "Rooms" python3 scripts/check_floors.py
  timed "Idioms" python3 scripts/check_idioms.py
  timed "Citations and links" python3 scripts/check_citations.py
  timed "Formatting" format
  timed "Licenses" licenses
}

unit() {
  timed "Build" build release
  timed "Unit tests" unit_tests release
}

# The failure test mostly waits for timeouts, so it runs beside the other tests.
end_to_end() {
  local pytest=("$CLIENTS/python/bin/python" -m pytest -q -p no:cacheprovider --durations=10) log=build/failures.log
  "${pytest[@]}" tests/e2e/test_failures.py >"$log" 2>&1 &
  local failures=$! status=0
  "${pytest[@]}" tests/e2e --ignore=tests/e2e/test_failures.py || status=$?
  wait "$failures" || status=$?
  cat "$log"
  return "$status"
}

e2e() {
  timed "Build" build release
  timed "Third-party clients" clients
  timed "End-to-end and conformance tests" end_to_end
}

attack() {
  timed "Build" build release
  timed "Third-party clients" clients
  timed "Attacks" "$CLIENTS/python/bin/python" -m pytest -q -p no:cacheprovider --durations=10 tests/attack
}

sanitize() {
  timed "Build with sanitizers" build sanitize
  timed "Unit tests with sanitizers" unit_tests sanitize
}

tsan() {
  timed "Build with the thread sanitizer" build tsan
  timed "Unit tests with the thread sanitizer" unit_tests tsan
}

fuzz() {
  timed "Build of the fuzz targets" build sanitize fuzz_targets
  timed "Fuzz targets" scripts/fuzz.sh "$FUZZ_SECONDS"
}

timed "Install" scripts/install.sh
for part in "${parts[@]}"; do "$part"; done
printf '\n== All passed (%s)\n' "$(date +%T)"
printf '%s\n' "${times[@]}" "$(printf '%6d s  %s' $SECONDS "all of it")"
