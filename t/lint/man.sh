#!/bin/sh
# man.sh - the manual pages, read by mandoc
cd "$(dirname "$0")/../.." || exit 1
command -v mandoc >/dev/null || { echo "SKIP mandoc" >&2; exit 0; }
found=$(mandoc -T lint -W warning man/*.[0-9] 2>&1 |
	sed 's/^mandoc: //; s/^\([^:]*:[0-9]*\):[0-9]*: /\1: /')
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
