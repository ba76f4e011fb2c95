#!/bin/sh
# The distribution's packages: a C compiler with its headers, for the crates that hold C, and Python with pip, which
# fetches what comes from PyPI.
set -eu
. "$(dirname "$0")/common.sh"

compiles() { printf '#include <stdlib.h>\nint main(void){return 0;}\n' | cc -x c -o /dev/null - 2>/dev/null; }
compiles || apt_install "a C compiler" gcc libc6-dev
compiles || fail "cc does not compile; install gcc and the C library's headers"

has_pip() { python3 -m pip --version >/dev/null 2>&1; }
has_pip || apt_install "Python with pip" python3 python3-pip ca-certificates
has_pip || fail "python3 -m pip does not run; install python3 and python3-pip"
