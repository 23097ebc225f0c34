#!/bin/sh
# run.sh SUITE... - run Check suites, one for each processor at a time; show
# those that fail, count them all
# a test that hangs fails, one on a busy machine does not
export CK_DEFAULT_TIMEOUT="${CK_DEFAULT_TIMEOUT:-60}"
if [ "$1" = --one ]; then
	# into FOLDER: what the suite printed, and "CHECKS BAD"
	folder=$2
	suite=$3
	out=$folder/$(basename "$suite")
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
		mv "$out" "$out.failed"
		echo "(exit $code)" >>"$out.failed"
	fi
	echo "$checks $bad" >"$out.count"
	exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$0" --one "$folder"
for out in "$folder"/*.failed; do
	[ -e "$out" ] || continue
	echo "--- $(basename "$out" .failed)"
	cat "$out"
done
sums=$(cat "$folder"/*.count |
	awk '{ p += $1 - ($2 < $1 ? $2 : $1); f += $2 } END { print p+0, f+0 }')
# a suite that was ended with its runner counts as one that failed
for suite in "$@"; do
	[ -e "$folder/$(basename "$suite").count" ] || {
		echo "--- $(basename "$suite"): ended without a count"
		sums="${sums% *} $((${sums#* } + 1))"
	}
done
passed=${sums% *}
failed=${sums#* }
echo "${TEST_NAME:-unit}: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
