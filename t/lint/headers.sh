#!/bin/sh
# headers.sh - each header compiles alone: it includes what it needs
cd "$(dirname "$0")/../.." || exit 1
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -fsyntax-only -I.
$(pkg-config --cflags luajit jansson check)"
failed=0
for header in milter/*.h lua-bindings/*.h t/unit/*.h; do
	[ -e "$header" ] || continue
	# shellcheck disable=SC2086 # flags are words
	printf '#include "%s"\n' "$header" |
		${CC:-cc} $flags -Ilua-bindings -It/unit -x c - 2>&1 |
		grep -E 'error|warning' |
		sed "s|^<stdin>:|$header:1:|" | grep . && failed=1
done
exit $failed
