#!/bin/sh
# cargo-deny, which checks the licences and sources of all dependencies. Built once per machine.
set -eu
. "$(dirname "$0")/common.sh"

version=0.20.2
command -v cargo-deny >/dev/null && exit
dir=$(cache_dir)/cargo-deny-$version
if [ ! -x "$dir/bin/cargo-deny" ]; then
    say "building cargo-deny $version, once; this takes some minutes"
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    # Its own target folder: the caller's may be in use.
    CARGO_TARGET_DIR=$build quietly cargo install "cargo-deny@$version" --locked --root "$dir" ||
        fail "could not build cargo-deny; see above"
fi
link_tool "$dir/bin/cargo-deny" cargo-deny
