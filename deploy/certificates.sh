#!/bin/sh
# Makes a private root and a server certificate for each part that speaks TLS inside docker-compose.yml, and renews what ends soon.
# usage: certificates.sh FOLDER    It holds one folder a part (a volume), and `authority`, which no part sees.
# PUBLIC_NAMES: names and addresses, with spaces between, under which people reach the API, Prometheus and Grafana.
set -eu
root=$1
public=${PUBLIC_NAMES:-localhost 127.0.0.1}
authority=$root/authority
ROOT_DAYS=3650
DAYS=397
RENEW_SECONDS=5184000 # 60 days
umask 077

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

make_authority() {
  mkdir -p "$authority"
  [ -s "$authority/ca.pem" ] && return
  new_key "$authority/ca-key.pem"
  openssl req -x509 -new -key "$authority/ca-key.pem" -out "$authority/ca.pem.new" -days $ROOT_DAYS -subj '/O=Millrace/CN=Millrace compose root' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign'
  mv "$authority/ca.pem.new" "$authority/ca.pem"
  echo 'made a root'
}

# Every name as OpenSSL wants it: DNS:… or IP:…
alternatives() {
  list=
  for name in $*; do
    case $name in
      *:* | *[!0-9.]*) kind=DNS ;;
      *) kind=IP ;;
    esac
    case $name in *:*) kind=IP ;; esac
    list="$list,$kind:$name"
  done
  printf '%s' "${list#,}"
}

is_good() {
  [ -s "$1/key.pem" ] && [ -s "$1/combined.pem" ] || return 1
  [ "$(cat "$1/names" 2>/dev/null)" = "$2" ] || return 1
  openssl x509 -in "$1/cert.pem" -noout -checkend $RENEW_SECONDS >/dev/null 2>&1 || return 1
  openssl verify -CAfile "$authority/ca.pem" "$1/cert.pem" >/dev/null 2>&1
}

# certify PART USER NAME…
certify() {
  folder=$root/$1 user=$2
  part=$1
  shift 2
  names=$(alternatives "$@")
  mkdir -p "$folder"
  if is_good "$folder" "$names"; then
    echo "$part has one"
    return
  fi
  work=$(mktemp -d "$folder/.new.XXXXXX")
  new_key "$work/key.pem"
  openssl req -new -key "$work/key.pem" -subj "/O=Millrace/CN=$part" -out "$work/request"
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' "$names" >"$work/extensions"
  openssl x509 -req -in "$work/request" -CA "$authority/ca.pem" -CAkey "$authority/ca-key.pem" -set_serial "0x$(openssl rand -hex 16)" \
    -days $DAYS -sha256 -extfile "$work/extensions" -out "$work/cert.pem" 2>/dev/null
  cat "$work/key.pem" "$work/cert.pem" >"$work/combined.pem"
  cp "$authority/ca.pem" "$work/ca.pem"
  printf '%s' "$names" >"$work/names"
  chmod 0400 "$work/key.pem" "$work/combined.pem"
  chmod 0444 "$work/cert.pem" "$work/ca.pem" "$work/names"
  if [ "$(id -u)" -eq 0 ]; then chown "$user" "$folder" "$work"/*.pem "$work/names"; fi
  # `names` last: until it is there, the certificate counts as not made.
  rm -f "$folder/names"
  for file in ca.pem cert.pem key.pem combined.pem names; do mv -f "$work/$file" "$folder/$file"; done
  rm -rf "$work"
  echo "$part has a new one, for $names"
}

make_authority
# The users are those that the images run as.
certify kafka 1000:1000 kafka localhost
certify postgres 999:999 postgres localhost
certify influxdb 1000:1000 influxdb localhost
certify millrace 10001:10001 ingest process serve localhost $public
certify balancer 99:99 balancer localhost
certify prometheus 65534:65534 prometheus localhost $public
certify grafana 472:0 grafana localhost $public
