#!/bin/sh
# Confluent's Python client for Kafka with what it needs, from PyPI, checked by hash: the conformance suite and the tests on
# real data read events with it. `confluent.sh --path` prints the folder for PYTHONPATH.
set -eu
. "$(dirname "$0")/common.sh"

wanted=$(cd "$(dirname "$0")/../.." && pwd)/tests/conformance/requirements.txt
# Another list or another Python is another folder.
key=$(
    { cat "$wanted" && python3 -c 'import sys, sysconfig; print(sys.version_info[:2], sysconfig.get_platform())'; } |
        cksum | cut -d ' ' -f 1
)
dir=$(cache_dir)/confluent-kafka-$key
if [ "${1:-}" = --path ]; then
    echo "$dir"
    exit
fi
[ -d "$dir" ] && exit
parent=$(dirname "$dir")
mkdir -p "$parent" || fail "cannot write to $parent; make it yours, or set XDG_CACHE_HOME"
tmp=$(mktemp -d "$parent/.new-XXXXXX")
# shellcheck disable=SC2064 # the folder of now
trap "rm -rf '$tmp'" EXIT INT TERM
say "fetching Confluent's Python client"
quietly python3 -m pip install --target "$tmp/files" --no-deps --only-binary=:all: --require-hashes \
    --disable-pip-version-check --no-compile --root-user-action=ignore --requirement "$wanted" ||
    fail "could not fetch Confluent's Python client from PyPI; check the network, or pip's configuration"
chmod -R a+rX "$tmp/files"
# Whoever was faster has put the same there.
[ -e "$dir" ] || mv "$tmp/files" "$dir"
