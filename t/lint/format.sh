#!/bin/sh
# format.sh - C sources are laid out by clang-format: `make format` does it
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format >/dev/null || {
	echo "SKIP format: no clang-format"
	exit 0
}
bad=0
for f in $(git ls-files '*.c' '*.h' 2>/dev/null || ls milter/*.[ch] lua-bindings/*.[ch]); do
	clang-format --dry-run -Werror "$f" >/dev/null 2>&1 || {
		echo "$f:1: not as clang-format lays it out; make format"
		bad=1
	}
done
exit $bad
