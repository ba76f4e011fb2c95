#!/bin/sh
# Debezium's engine, by Maven: what the relay is compared with in the benchmarks. Programs only, nothing is started; Java
# comes with kafka.sh. The release and the place are also in tests/bench/src/debezium.rs: change both, and debezium/pom.xml.
set -eu
here=$(dirname "$0")
. "$here/common.sh"

version=3.6.1
dir=$(cache_dir)/debezium-$version
# What root has installed is good for everybody.
shared=/var/cache/daybook/debezium-$version
if [ ! -d "$dir/lib" ] && [ -d "$shared/lib" ]; then dir=$shared; fi

# The program around the engine is compiled before it is run.
command -v javac >/dev/null || apt_install "a compiler of Java, for Debezium" default-jdk-headless
if [ -n "${DAYBOOK_DEBEZIUM_HOME:-}" ]; then
    [ -d "$DAYBOOK_DEBEZIUM_HOME/lib" ] || fail "DAYBOOK_DEBEZIUM_HOME is $DAYBOOK_DEBEZIUM_HOME, where there is no lib"
    exit
fi
[ -d "$dir/lib" ] && exit
command -v mvn >/dev/null || apt_install "Maven, which fetches Debezium" maven
parent=$(dirname "$dir")
mkdir -p "$parent" || fail "cannot write to $parent; make it yours, or set XDG_CACHE_HOME"
tmp=$(mktemp -d "$parent/.new-XXXXXX")
trap 'rm -rf "$tmp"' EXIT INT TERM
say "fetching Debezium $version"
# Maven fails on a checksum that does not match.
quietly mvn --batch-mode --quiet --strict-checksums --file "$here/debezium/pom.xml" dependency:copy-dependencies \
    "-DoutputDirectory=$tmp/debezium/lib" ||
    fail "could not fetch Debezium; check the network, or Maven's settings"
chmod -R a+rX "$tmp/debezium"
# Whoever was faster has put the same there.
[ -e "$dir" ] || mv "$tmp/debezium" "$dir"
