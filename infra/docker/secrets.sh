#!/bin/sh
# Makes what infra/compose.yaml needs and nobody else may know: random passwords, as files in secrets/, and .env with the
# id of the Kafka cluster. `secrets.sh [DIR]` makes them in DIR, by default infra/. What is there already stays as it is.
set -eu
umask 077
infra=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$infra}
files="postgres_password daybook_admin daybook_server"

say() { printf '%s\n' "daybook secrets: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

if [ -e "$dir/secrets" ]; then
    for file in $files; do
        [ -s "$dir/secrets/$file" ] ||
            fail "$dir/secrets is there, but $file is not in it. A new one would not open the database that the others belong to: bring it back from your backup. If there is no database yet, remove $dir/secrets and run this again."
    done
    say "$dir/secrets is there already; left as it is"
else
    mkdir -p "$dir"
    new=$(mktemp -d "$dir/secrets.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    random() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }
    password=$(random)
    roles_secret=$(random)
    printf '%s' "$password" >"$new/postgres_password"
    # For `daybook migrate`, which makes roles: the administrator's URL.
    cat >"$new/daybook_admin" <<END
[database]
url = "postgres://daybook_root:$password@postgres:5432/daybook"
roles_secret = "$roles_secret"
END
    # For all others: they log in as Daybook's own roles, and need no administrator.
    cat >"$new/daybook_server" <<END
[database]
url = "postgres://postgres:5432/daybook"
roles_secret = "$roles_secret"
END
    # Compose mounts the files with the modes they have here, and the containers' users are not the owner of them. So the
    # files can be read, and the folder keeps everybody else on this machine away from them.
    chmod 0444 "$new"/*
    chmod 0700 "$new"
    mv "$new" "$dir/secrets"
    say "made $dir/secrets; keep a copy where the backups are"
fi

if [ -e "$dir/.env" ]; then
    say "$dir/.env is there already; left as it is"
else
    # Kafka's ids do not begin with a minus sign.
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' | sed 's/^-/A/')
    sed "s/^KAFKA_CLUSTER_ID=\$/KAFKA_CLUSTER_ID=$id/" "$infra/.env.example" >"$dir/.env"
    say "made $dir/.env"
fi
