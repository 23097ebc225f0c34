#!/bin/sh
# check.sh TARGET... - run make targets that test, and add up what they count
#
# A target's output may hold lines "NAME: N passed, N failed[, N skipped]".
# A target that fails without counting a failure counts as one.  The last
# line is the sum: "N passed, N failed" and, where any were, ", N skipped".
passed=0
failed=0
skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT INT TERM
for target in "$@"; do
	echo "== $target"
	# the exit code through the pipe, in plain sh
	{ ${MAKE:-make} --no-print-directory -j"$(nproc)" "$target" 2>&1
	  echo "exit $?"; } | tee "$out" | grep -v '^exit [0-9]*$'
	code=$(tail -n 1 "$out" | sed 's/^exit //')
	sums=$(sed -n 's/^[a-z-]*: \([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$/\1 \2 \4/p' "$out" |
		awk '{ p += $1; f += $2; s += $3 } END { print p+0, f+0, s+0 }')
	p=${sums%% *}
	rest=${sums#* }
	f=${rest%% *}
	s=${rest#* }
	[ "$code" = 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
done
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ]
