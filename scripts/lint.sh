#!/usr/bin/env bash
# clang-format and clang-tidy over the tree, or over the files named.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh
mapfile -t files < <([ "$#" -gt 0 ] && printf '%s\n' "$@" || git ls-files 'src/*.cc' 'src/*.h' 'include/*.h' 'bench/*.cc' 'tests/*.cc')
clang-format-19 --dry-run --Werror "${files[@]}"
[ -f build/fuzz/build.ninja ] || cmake --preset fuzz -DTEPUI_TESTS=ON >/dev/null
cmake --build build/fuzz --target tepui_proto tepui_proto_pch >/dev/null
mapfile -t units < <(printf '%s\n' "${files[@]}" | grep '^src/.*\.cc$')
[ "${#units[@]}" -eq 0 ] || printf '%s\n' "${units[@]}" | xargs -P 2 -n 4 clang-tidy-19 -p build/fuzz --quiet
