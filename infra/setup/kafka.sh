#!/bin/sh
# Apache Kafka's jars, by Maven, and Java to run them: programs only, nothing is started. `kafka.sh --if-java` does nothing
# where there is no Java; `kafka.sh --home` prints the folder whose lib/ holds the jars. The release and the place are also in src/broker/java.rs: change both, and kafka/pom.xml.
set -eu
here=$(dirname "$0")
. "$here/common.sh"

version=4.3.1
dir=$(cache_dir)/kafka-$version
# What root has installed is good for everybody.
shared=/var/cache/daybook/kafka-$version
if [ ! -d "$dir/lib" ] && [ -d "$shared/lib" ]; then dir=$shared; fi

if [ "${1:-}" = --home ]; then
    echo "${DAYBOOK_KAFKA_HOME:-$dir}"
    exit
fi

recent() { java -version 2>&1 | awk -F'[".]' '/version/ { exit !($2 >= 17) }'; }
if ! command -v java >/dev/null || ! recent; then
    if [ "${1:-}" = --if-java ]; then
        say "there is no Java 17 or newer: without Kafka"
        exit
    fi
    # With a compiler: the guide's example in Java is run from its source.
    apt_install "Java, for Kafka" default-jdk-headless
    recent || fail "java is older than 17; install a newer one, for Kafka"
fi
if [ -n "${DAYBOOK_KAFKA_HOME:-}" ]; then
    [ -d "$DAYBOOK_KAFKA_HOME/lib" ] || fail "DAYBOOK_KAFKA_HOME is $DAYBOOK_KAFKA_HOME, where there is no lib"
    exit
fi
[ -d "$dir/lib" ] && exit
command -v mvn >/dev/null || apt_install "Maven, which fetches Kafka" maven
parent=$(dirname "$dir")
mkdir -p "$parent" || fail "cannot write to $parent; make it yours, or set XDG_CACHE_HOME"
tmp=$(mktemp -d "$parent/.new-XXXXXX")
trap 'rm -rf "$tmp"' EXIT INT TERM
say "fetching Kafka $version"
# Maven fails on a checksum that does not match.
quietly mvn --batch-mode --quiet --strict-checksums --file "$here/kafka/pom.xml" dependency:copy-dependencies \
    "-DoutputDirectory=$tmp/kafka/lib" ||
    fail "could not fetch Kafka; check the network, or Maven's settings"
chmod -R a+rX "$tmp/kafka"
# Whoever was faster has put the same there.
[ -e "$dir" ] || mv "$tmp/kafka" "$dir"
