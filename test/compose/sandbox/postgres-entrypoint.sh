#!/bin/sh
# What the PostgreSQL image does before its server, for a machine without the image: a cluster at the first start, with the superuser's
# password from a file, and then the scripts that were put there.
set -eu
PATH="$PATH:$(echo /usr/lib/postgresql/*/bin)"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  # shellcheck disable=SC2086 # several words
  initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --pgdata="$PGDATA" $POSTGRES_INITDB_ARGS
  "$@" -c listen_addresses='' &
  until pg_isready --quiet; do
    kill -0 $!
    sleep 0.2
  done
  PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
  export PGPASSWORD
  for script in /docker-entrypoint-initdb.d/*; do "$script"; done
  kill -INT $!
  wait $!
fi
exec "$@"
