#!/bin/sh
# Runs the third-party suites of tests/conformance against a Daybook of its own, on a fresh database and a free port,
# and stops it. Ends with their line `N passed, N failed`.
set -eu
cd "$(dirname "$0")/../.."

cargo build --locked --quiet --bin daybook
daybook=$(cargo metadata --locked --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/daybook
dir=$(mktemp -d)
chmod 755 "$dir"
pid=
finish() {
    status=$?
    trap - EXIT
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Relay's client names its documents by their hashes.
tests/conformance/relay/compile
DAYBOOK__GRAPHQL__TRUSTED_DOCUMENTS=allowed \
    DAYBOOK__GRAPHQL__TRUSTED_DOCUMENTS_PATH=$PWD/tests/conformance/relay/documents.json \
    "$daybook" --data-dir "$dir/data" --output json dev --port 0 >"$dir/ready" 2>"$dir/log" &
pid=$!
# It writes one line when it is ready; the embedded server has a minute to start.
tries=0
while [ ! -s "$dir/ready" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 1200 ] || ! kill -0 "$pid" 2>/dev/null; then
        echo "daybook dev did not start:" >&2
        cat "$dir/log" >&2
        exit 1
    fi
    sleep 0.1
done
field() { python3 -c "import json, sys; ready = json.load(open(sys.argv[1])); print(ready$1)" "$dir/ready"; }
tests/conformance/run "$(field '["graphqlUrl"]')" "$(field '["tenants"][0]["apiKey"]')" || {
    status=$?
    echo "the log of daybook dev ends with:" >&2
    tail -n 20 "$dir/log" >&2
    exit "$status"
}
