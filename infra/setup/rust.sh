#!/bin/sh
# Checks that there is a Rust toolchain: the one thing that set-up leaves to the developer.
set -eu
. "$(dirname "$0")/common.sh"
command -v cargo >/dev/null ||
    fail "Rust is missing; get it from https://rustup.rs:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
and run make again"
