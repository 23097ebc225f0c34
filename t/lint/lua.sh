#!/bin/sh
# lua.sh - luacheck on every Lua file, with .luacheckrc (package lua-check)
cd "$(dirname "$0")/../.." || exit 1
command -v luacheck >/dev/null || { echo "SKIP luacheck" >&2; exit 0; }
luacheck --no-color --quiet --formatter plain conf lua-bindings t
