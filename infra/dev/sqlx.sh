#!/bin/sh
# Keeps .sqlx, which lets the checked queries compile without a database: `sqlx.sh write` regenerates it, `sqlx.sh
# check` fails if that would change it. The queries are compiled against a throw-away PostgreSQL, made from the
# migrations, with every read model's schema on the search path.
set -eu
mode=${1:-}
case $mode in write | check) ;; *)
    echo "usage: $0 write|check" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/../.."
root=$(pwd)
bin=$(infra/setup/postgres.sh --home)/bin

dir=$(mktemp -d)
chmod 755 "$dir"
postgres=
finish() {
    status=$?
    trap - EXIT
    if [ -n "$postgres" ]; then
        kill -INT "$postgres" 2>/dev/null || true
        wait "$postgres" 2>/dev/null || true
    fi
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# PostgreSQL does not run as root. Becomes the command, so that its process id is the server's.
as_server() {
    if [ "$(id -u)" != 0 ]; then exec "$@"; fi
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
}
if [ "$(id -u)" = 0 ]; then
    user=nobody
    if id postgres >/dev/null 2>&1; then user=postgres; fi
else
    user=$(id -un)
fi

PGPASSWORD=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
PGHOST=127.0.0.1 PGUSER=daybook_root PGDATABASE=daybook
export PGPASSWORD PGPORT PGHOST PGUSER PGDATABASE
mkdir "$dir/server" "$dir/sqlx"
(umask 077 && echo "$PGPASSWORD" >"$dir/server/password")
if [ "$(id -u)" = 0 ]; then chown -R "$user" "$dir/server"; fi

(cd / && as_server "$bin/initdb" --pgdata "$dir/server/data" --username "$PGUSER" --pwfile "$dir/server/password" \
    --auth-host=scram-sha-256 --auth-local=reject --encoding=UTF8 --locale=C --locale-provider=builtin \
    --builtin-locale=C.UTF-8 --no-sync) >"$dir/log" 2>&1 || {
    cat "$dir/log" >&2
    exit 1
}
(cd / && as_server "$bin/postgres" -D "$dir/server/data" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off) >>"$dir/log" 2>&1 &
postgres=$!
tries=0
until "$bin/pg_isready" --quiet --dbname postgres; do
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ] || ! kill -0 "$postgres" 2>/dev/null; then
        echo "PostgreSQL did not start:" >&2
        tail -n 20 "$dir/log" >&2
        exit 1
    fi
    sleep 0.1
done

sql() { "$bin/psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --output /dev/null "$@"; }
sql --dbname postgres --command "create database $PGDATABASE"
sql --file infra/postgres/roles.sql
for file in migrations/*.sql; do sql --single-transaction --file "$file"; done
for file in event-store/sql/*.sql; do sql --single-transaction --file "$file"; done
path=
for file in migrations/read-models/*.sql; do
    schema=p_$(basename "$file" .sql)_dev
    sql --single-transaction --command "create schema $schema" \
        --command "set search_path = $schema, public, extensions" --file "$file"
    path="$path$schema, "
done
sql --command "alter database $PGDATABASE set search_path = ${path}public, extensions"

# The macros run again only where a source changed; a crate's root is enough.
touch src/lib.rs src/main.rs tests/it/main.rs ./*/src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$dir/sqlx \
    DATABASE_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE \
    cargo check --locked --quiet --workspace --exclude daybook-bench --all-targets

if [ "$mode" = check ]; then
    if ! diff -ruN "$root/.sqlx" "$dir/sqlx"; then
        echo ".sqlx is out of date: run make sqlx and commit it" >&2
        exit 1
    fi
    exit
fi
mkdir -p .sqlx
rm -f .sqlx/query-*.json
cp "$dir"/sqlx/*.json .sqlx/
echo "wrote $(find .sqlx -name 'query-*.json' | wc -l) queries to .sqlx"
