#!/bin/sh
# run.sh FUZZER... - replay the corpus of each: t/fuzz/corpus/ROOM for
# fuzz_ROOM
passed=0
failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for f in "$@"; do
	if "$f" t/fuzz/corpus/"${f##*/fuzz_}"/* >"$out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "--- $(basename "$f")"
		tail -n 40 "$out"
	fi
done
echo "${TEST_NAME:-fuzz}: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
