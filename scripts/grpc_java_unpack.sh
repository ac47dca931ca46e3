#!/usr/bin/env bash
# Unpacks Debian's gRPC for Java into a folder, without root: its libraries, and bin/ with protoc and protoc-gen-grpc-java.
set -euo pipefail
[[ $# == 1 ]] || { echo "usage: $0 FOLDER" >&2; exit 2; }
[[ -e $1/complete ]] && exit

packages=(protobuf-compiler protobuf-compiler-grpc-java-plugin)
# The libraries of these two are named otherwise in every release.
mapfile -t libraries < <(apt-cache depends --recurse --important "${packages[@]}" | grep -xE 'libproto(c|buf)[0-9]+[a-z0-9]*')
packages+=("${libraries[@]}")
for library in grpc protobuf google-gson guava netty perfmark geronimo-annotation-1.3-spec; do
    packages+=("lib$library-java")
done

mkdir -p "$(dirname "$1")"
new=$(mktemp -d "$1.XXXXXX")
trap 'rm -rf "$new"' EXIT
"$(dirname "$0")/debian_unpack.sh" "$new/root" "${packages[@]}"
mkdir "$new/root/bin"
for tool in protoc:protoc grpc_java_plugin:protoc-gen-grpc-java; do
    printf '#!/bin/sh\nLD_LIBRARY_PATH=$(echo %s/usr/lib/*-linux-gnu) exec %s/usr/bin/%s "$@"\n' "$1" "$1" "${tool%%:*}" \
        >"$new/root/bin/${tool##*:}"
    chmod +x "$new/root/bin/${tool##*:}"
done
touch "$new/root/complete"
rm -rf "$1"
mv "$new/root" "$1"
