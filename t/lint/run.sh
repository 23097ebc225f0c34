#!/bin/sh
# run.sh - every lint; complaints as file:line: reason, then one line
#
# TIDY=1 adds clang-tidy, which takes a minute.
cd "$(dirname "$0")" || exit 1
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0
for lint in layers.py sizes.py headers.sh docs.py api.py man.sh lua.sh paths.py format.sh \
	${TIDY:+tidy.sh}; do
	./$lint >"$out" 2>&1 || {
		n=$(grep -vc -e ': warning: .* wanted$' -e '^SKIP' "$out")
		failed=$((failed + (n > 0 ? n : 1)))
	}
	cat "$out"
done
if [ "$failed" -eq 0 ]; then
	echo "lint: ok"
else
	echo "lint: $failed failed"
	exit 1
fi
