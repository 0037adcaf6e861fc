#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a running task: installs what is missing, builds, starts a local cluster, runs a task on it and stops.
#
#   scripts/try.sh                         echoes a greeting
#   scripts/try.sh --command='...' ...     anything else `tepui run` takes
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release --target tepui

work_dir=$(mktemp -d)
build/release/bin/tepui local --ip=127.0.0.1 --port=0 --work_dir="$work_dir" --runtime_dir="$work_dir/run" \
  >"$work_dir/log" 2>&1 &
cluster=$!
trap 'kill $cluster 2>/dev/null; wait $cluster 2>/dev/null; rm -rf "$work_dir"' EXIT

master=
for _ in $(seq 100); do
  master=$(grep -oE 'aster listening on \S+' "$work_dir/log" | grep -oE '[0-9.]+:[0-9]+' | head -n 1) && break
  kill -0 $cluster 2>/dev/null || { cat "$work_dir/log" >&2; exit 1; }
  sleep 0.1
done

[ "$#" -gt 0 ] || set -- --name=hello --command='echo "Hello from $(hostname), sandbox $PWD"' --resources='cpus:0.1;mem:32'
build/release/bin/tepui run --master="$master" "$@"
