#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The failure test with real processes (tests/failure): faults for so many seconds, or one case by name.
#
#   scripts/failure_test.sh SECONDS [SEED]
#   scripts/failure_test.sh --case=NAME       --list names them
#
# As root, for it needs namespaces of its own: network, mounts and processes, which all end with it. Exit status 77: they
# cannot be made here.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
python=$here/build/clients/python/bin/python
own=(unshare --net --mount --pid --fork --kill-child --mount-proc)
if ! said=$("${own[@]}" sh -c 'ip link add name probe0 type veth peer name probe1 && mount -t tmpfs tmpfs /mnt && ip rule add from 10.77.0.1 to 10.77.0.2 blackhole' 2>&1); then
  echo "no namespaces can be made here: $said" >&2
  exit 77
fi
directory=$(mktemp -d /tmp/tepui-failure-XXXXXX)
status=0
"${own[@]}" "$python" "$here/tests/failure/main.py" --directory="$directory" "$@" || status=$?
# What was seen of a failure stays.
[ "$status" -ne 0 ] || rm -rf "$directory"
exit "$status"
