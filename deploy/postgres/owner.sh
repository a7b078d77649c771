#!/bin/sh
# Runs once, in a new database: makes the owner of the tables, as docs/how-to/use-postgresql.md says, and its database.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --set password="$(cat "${OWNER_PASSWORD_FILE:-/run/secrets/postgres-owner-password}")" <<'END'
create role millrace_owner login createrole password :'password';
create database millrace owner millrace_owner;
END
