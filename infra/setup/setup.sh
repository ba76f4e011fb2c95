#!/bin/sh
# Installs everything that `make run` and `make test` need and that is not there yet: setup.sh PART…, where PART is
# one of rust, packages, postgres, node, confluent, deny. A second run only looks.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for part in "$@"; do
    "$here/$part.sh"
done
