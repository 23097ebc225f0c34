#!/bin/sh
# tidy.sh [FILE.c...] - clang-tidy, with .clang-tidy's checks (about a minute)
cd "$(dirname "$0")/../.." || exit 1
command -v clang-tidy >/dev/null || { echo "SKIP clang-tidy" >&2; exit 0; }
[ $# -gt 0 ] || set -- milter/*.c lua-bindings/*.c
jobs=$(nproc)
# shellcheck disable=SC2046 # flags are words
found=$(printf '%s\n' "$@" | xargs -P "$jobs" -n 4 sh -c '
	flags=$1; shift 2
	clang-tidy --quiet "$@" -- $flags 2>/dev/null' tidy \
	"-std=gnu11 -D_GNU_SOURCE -I. -DKUMILTER_VERSION=\"0\" \
	-DKUMILTER_DATADIR=\"/usr\" -DKUMILTER_SYSCONFDIR=\"/etc\" \
	$(pkg-config --cflags luajit jansson | tr '\n' ' ')" - |
	grep -E '^[^ ]+:[0-9]+:[0-9]+: (warning|error):' | sort -u |
	sed "s|^$PWD/||")
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
