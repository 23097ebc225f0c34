#!/bin/sh
# run.sh SUITE... - run Check suites, show those that fail, count them all
passed=0
failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for suite in "$@"; do
	"$suite" >"$out" 2>&1
	code=$?
	# "87%: Checks: 8, Failures: 1, Errors: 0"
	line=$(grep -E '^[0-9]+%: Checks: ' "$out" | tail -n 1)
	checks=$(printf '%s' "$line" | sed -n 's/.*Checks: \([0-9]*\),.*/\1/p')
	bad=$(printf '%s' "$line" |
		sed -n 's/.*Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2/p' |
		{ read -r f e; echo $((${f:-0} + ${e:-0})); })
	checks=${checks:-0}
	if [ "$code" -ne 0 ] || [ "$checks" -eq 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		echo "--- $(basename "$suite") (exit $code)"
		cat "$out"
	fi
	failed=$((failed + bad))
	passed=$((passed + checks - (bad < checks ? bad : checks)))
done
echo "${TEST_NAME:-unit}: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
