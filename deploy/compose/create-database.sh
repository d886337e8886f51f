#!/bin/sh
# Run once by the image, when it has made the cluster: the service owns its database and nothing else.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --set "password=$(cat /etc/postgres/database-password)" --username postgres <<'SQL'
create role muster login password :'password';
create database muster owner muster;
SQL
