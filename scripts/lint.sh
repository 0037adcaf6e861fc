#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over the tree, or over the files named. (Formatting is checked by `scripts/test.sh style`.)
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh
mapfile -t units < <([ "$#" -gt 0 ] && printf '%s\n' "$@" || git ls-files 'src/*.cc')
[ -f build/sanitize/build.ninja ] || cmake --preset sanitize >/dev/null
# It reads the generated messages and the precompiled headers.
cmake --build build/sanitize --target tepui_proto tepui_proto_pch tepui_test_pch >/dev/null
printf '%s\n' "${units[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy-19 -p build/sanitize --quiet
