#!/bin/bash
# check_deb.sh FILE.deb - the package holds what it must, and what it holds works
#
# Unpacked, not installed: it needs no root and changes nothing.
deb=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0
failed=0

expect() {
	local what=$1
	shift
	if "$@" >"$root/said" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $what"
		cat "$root/said"
	fi
}
complete_words() { # the words before the cursor; prints what is offered
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_kumilter
	printf '%s\n' "${COMPREPLY[@]}"
}

dpkg-deb -x "$deb" "$root/x" || exit 1
dpkg-deb -e "$deb" "$root/control" || exit 1
program=$root/x/usr/sbin/kumilter
for file in usr/sbin/kumilter etc/kumilter/init.lua \
	lib/systemd/system/kumilter.service lib/systemd/system/kumilter.socket \
	usr/share/bash-completion/completions/kumilter \
	usr/share/man/man8/kumilter.8.gz usr/share/man/man7/kumilter-policy.7.gz \
	usr/share/man/man3/kumilter-api.3lua.gz; do
	expect "$file" test -e "$root/x/$file"
done
expect "a conffile" grep -qx /etc/kumilter/init.lua "$root/control/conffiles"
expect "the program" "$program" version
expect "the policy" "$program" check "$root/x/etc/kumilter/init.lua"
expect "ExecStart" grep -q '^ExecStart=/usr/sbin/kumilter serve ' \
	"$root/x/lib/systemd/system/kumilter.service"
expect "a user" grep -q 'adduser.* --system' "$root/control/postinst"
# an upgrade restarts the service and leaves the socket as it is
expect "service restarts" grep -q \
	'deb-systemd-invoke restart kumilter.service' "$root/control/postinst"
expect "socket is not stopped at an upgrade" sh -c \
	"! grep -A3 'upgrade' '$root/control/prerm' | grep -q kumilter.socket"
expect "socket is not restarted at an upgrade" sh -c \
	"! grep -q _dh_action=restart '$root/control/postinst'"
# what it is built with, but for the tools that every build has
for package in $(sed -n '/^build="/,/"$/p' t/deps.sh | grep -o '[a-z0-9.+-]*-dev'); do
	case $package in libc6-dev | libevent-dev | nettle-dev) continue ;; esac
	expect "Build-Depends: $package" grep -qx " $package," debian/control
done

# shellcheck disable=SC1091
. "$root/x/usr/share/bash-completion/completions/kumilter"
verbs=$("$program" help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
expect "verbs" test "$(complete_words "$program" '')" = "$verbs"
for verb in $verbs; do
	[ "$verb" = version ] && continue
	offered=$(complete_words "$program" "$verb" --)
	for option in $("$program" "$verb" --help | grep -o -e '--[a-z][a-z-]*'); do
		expect "$verb $option" grep -qx -e "$option" <<<"$offered"
	done
done
if command -v lintian >/dev/null; then
	expect lintian lintian --fail-on warning --allow-root "$deb"
fi
echo "deb: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
