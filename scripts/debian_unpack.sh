#!/usr/bin/env bash
# Unpacks packages of Debian into a folder, without root: for tests on a machine that has not installed them.
set -euo pipefail
[[ $# -ge 2 ]] || { echo "usage: $0 FOLDER PACKAGE..." >&2; exit 2; }

folder=$1
shift
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
(cd "$debs" && apt-get -qq download "$@")
mkdir -p "$folder"
for package in "$debs"/*.deb; do
    dpkg -x "$package" "$folder"
done
