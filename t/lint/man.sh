#!/bin/sh
# man.sh - the manual pages, read by mandoc
#
# Whether pages that they refer to exist, docs.py says of ours; of others it
# depends on what is installed here.  mandoc does not know of sections in Lua, and
# takes RATES for a misspelt NAME.
cd "$(dirname "$0")/../.." || exit 1
command -v mandoc >/dev/null || { echo "SKIP mandoc" >&2; exit 0; }
found=$(mandoc -T lint -W style man/*.[0-9]* 2>/dev/null |
	grep -v -e ': referenced manual not found: ' -e ' outdated mandoc.db ' \
		-e ': possible typo in section name: ' \
		-e ': unknown manual section: Dt \.\.\. 3lua$' |
	sed 's/^mandoc: //; s/^\([^:]*:[0-9]*\):[0-9]*: /\1: /')
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
