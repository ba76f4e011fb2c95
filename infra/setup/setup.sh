#!/bin/sh
# Installs everything that the Makefile's targets need and that is not there yet: setup.sh PART…, where PART is one of
# rust, packages, postgres, kafka, debezium, node, confluent, deny, linters. A second run only looks.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for part in "$@"; do
    "$here/$part.sh"
done
