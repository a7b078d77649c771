#!/bin/sh
# Makes the secrets of docker-compose.yml, random ones, in deploy/secrets/. One that is there stays as it is.
# usage: deploy/make-secrets.sh [FOLDER]
set -eu
folder=${1:-"$(dirname "$0")/secrets"}
umask 077
mkdir -p "$folder"
# Containers run as users of their own and read the files through a mount; on this machine the folder keeps everybody else out.
chmod 0700 "$folder"

for name in kafka-password postgres-password postgres-owner-password postgres-app-password influx-password influx-admin-token grafana-password; do
  if [ -e "$folder/$name" ]; then
    echo "$name is there"
    continue
  fi
  made=$(mktemp "$folder/.$name.XXXXXX")
  # 256 bits, letters and digits only: some of them stand in URLs and property files.
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$made"
  [ "$(wc -c <"$made")" -eq 64 ]
  chmod 0444 "$made"
  mv -n "$made" "$folder/$name"
  echo "$name made"
done
