#!/usr/bin/env bash
# Unpacks Debian's RabbitMQ and Erlang into a folder, without root: for tests on a machine that has neither.
set -euo pipefail
[[ $# == 1 ]] || { echo "usage: $0 FOLDER" >&2; exit 2; }
[[ -e $1/complete ]] && exit

packages=(rabbitmq-server)
for part in asn1 base crypto eldap ftp inets mnesia os-mon parsetools public-key runtime-tools snmp ssl syntax-tools \
    tftp tools xmerl; do
    packages+=("erlang-$part")
done

mkdir -p "$(dirname "$1")"
new=$(mktemp -d "$1.XXXXXX")
trap 'rm -rf "$new"' EXIT
"$(dirname "$0")/debian_unpack.sh" "$new/root" "${packages[@]}"
# Debian's scripts name the folder that Erlang is installed in.
for script in "$new"/root/usr/lib/erlang/{bin,erts-*/bin}/{erl,start}; do
    [[ -f $script ]] && sed -i "s#ROOTDIR=/usr/lib/erlang#ROOTDIR=$1/usr/lib/erlang#" "$script"
done
touch "$new/root/complete"
rm -rf "$1"
mv "$new/root" "$1"
