#!/bin/sh
# Builds ../dist from package-lock.json; needs Node 20.19 or later.
set -eu
cd "$(dirname "$0")"
npm ci --silent --no-audit --no-fund
npm run --silent build
