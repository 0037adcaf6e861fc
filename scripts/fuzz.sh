#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh SECONDS [DIRECTORY]: runs every fuzz target built in DIRECTORY (build/sanitize) for SECONDS each, starting from the
# kept corpus in tests/fuzz/corpus. Fails if one finds a crash; its input is left in DIRECTORY/crashes.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
seconds=${1:?usage: fuzz.sh SECONDS [DIRECTORY]}
directory=${2:-$root/build/sanitize}
crashes=$directory/crashes
mkdir -p "$crashes"

found=0
failed=0
for target in "$directory"/tests/fuzz/fuzz_*; do
  [ -f "$target" ] && [ -x "$target" ] || continue
  found=1
  name=$(basename "$target")
  work=$directory/corpus/$name
  kept=$root/tests/fuzz/corpus/$name
  mkdir -p "$work" "$kept"
  echo "$name: $seconds s"
  if ! "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
      -artifact_prefix="$crashes/$name-" "$work" "$kept" >"$directory/$name.log" 2>&1; then
    tail -40 "$directory/$name.log"
    failed=1
  else
    grep -E 'number_of_executed_units|average_exec_per_sec' "$directory/$name.log" || true
  fi
done
[ "$found" = 1 ] || { echo "no fuzz target in $directory; build the sanitize preset first" >&2; exit 2; }
exit "$failed"
