#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of scripts/debian-packages.txt that are missing. Says what it installs; does nothing and
# needs no rights if all are there.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
while read -r package; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done < <(grep -v '^#' scripts/debian-packages.txt)

# Another Go than Debian's serves as well.
if command -v go >/dev/null; then
  missing=("${missing[@]/golang-go/}")
fi
read -r -a missing <<<"${missing[*]}" || true
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

echo "Installing from Debian: ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "These packages are missing and need root to install" >&2; exit 1; }
  root=(sudo)
fi
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
