#!/bin/sh
# The distribution's packages: a C compiler with its headers and OpenSSL's, for the crates that hold C, and Python with
# pip, which fetches what comes from PyPI.
set -eu
. "$(dirname "$0")/common.sh"

compiles() { printf '#include <stdlib.h>\nint main(void){return 0;}\n' | cc -x c -o /dev/null - 2>/dev/null; }
compiles || apt_install "a C compiler" gcc libc6-dev
compiles || fail "cc does not compile; install gcc and the C library's headers"

# Kafka's client is built with the crates.
tls() { printf '#include <openssl/ssl.h>\nint main(void){return 0;}\n' | cc -x c -fsyntax-only - 2>/dev/null; }
tls || apt_install "OpenSSL's headers" libssl-dev
tls || fail "openssl/ssl.h is not found; install OpenSSL's headers"
for tool in make pkg-config c++; do
    command -v "$tool" >/dev/null || apt_install "what Kafka's client is built with" make pkg-config g++
done

has_pip() { python3 -m pip --version >/dev/null 2>&1; }
has_pip || apt_install "Python with pip" python3 python3-pip ca-certificates
has_pip || fail "python3 -m pip does not run; install python3 and python3-pip"
