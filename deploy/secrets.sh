#!/usr/bin/env bash
# secrets.sh [FOLDER]: draws what docker-compose.yml keeps secret, once; a folder that is there stays as it is.
set -euo pipefail
folder=${1:-$(dirname "$0")/secrets}
[[ ! -e $folder ]] || { echo "$folder is there already" >&2; exit; }

draw() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
database=$(draw) broker=$(draw)
new=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$new"' EXIT
draw >"$new/cluster_secret"
printf '%s' "$database" >"$new/postgres_password"
printf 'postgresql://tidings:%s@postgres:5432/tidings' "$database" >"$new/database_url"
printf 'default_user = tidings\ndefault_pass = %s\n' "$broker" >"$new/rabbitmq.conf"
printf 'amqp://tidings:%s@rabbitmq:5672/' "$broker" >"$new/amqp_url"
# The folder keeps other users out; inside the containers each file is read by that image's own user.
chmod 444 "$new"/*
mv "$new" "$folder"
