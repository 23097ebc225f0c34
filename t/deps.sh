#!/bin/sh
# deps.sh - the Debian packages to build and test kumilter
#
# Install those that are missing, quietly where none is.
# Needs root only if there is something to install.

# to build; the pkg-config file of libunbound wants those of libevent and nettle
build="libhiredis-dev gcc make pkg-config libc6-dev libmilter-dev libluajit-5.1-dev \
libjansson-dev libidn2-dev libpcre2-dev libsystemd-dev libsqlite3-dev \
libunbound-dev libevent-dev nettle-dev libpsl-dev libssl-dev libyaml-dev \
libcurl4-openssl-dev libzstd-dev libmicrohttpd-dev libmagic-dev"
# to test: Check; python3 plays MTAs and clients; Postfix; miltertest is an
# MTA by others, and dkimpy and Mail::DKIM sign mail.  Sendmail conflicts with Postfix: it is only unpacked, below.
test="redis-server openssl check python3 postfix libsasl2-modules m4 miltertest procps zstd python3-dkim \
python3-authres libmail-dkim-perl"
# to lint
lint="mandoc lua-check clang-format"

# for `make deb`
deb="dpkg-dev debhelper lintian fakeroot"
[ "$1" = deb ] && test="$deb" lint=""

missing=""
for p in $build $test $lint; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
		grep -q 'ok installed' || missing="$missing $p"
done
# Debian's Sendmail, unpacked below build/: once, and without it its tests skip
fetch_sendmail() {
	[ "$(id -u)" -ne 0 ] || python3 t/mta/sendmail.py >/dev/null ||
		echo "Sendmail cannot be fetched: its tests will be skipped" >&2
}

if [ -z "$missing" ]; then
	fetch_sendmail
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "missing Debian packages:$missing" >&2
	echo "as root: make deps" >&2
	exit 1
fi
echo "installing:$missing"
# a test machine: nothing that gets installed is to start by itself
if [ ! -e /usr/sbin/policy-rc.d ]; then
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
for try in 1 2 3; do
	apt-get -q update >"$log" 2>&1 &&
		# shellcheck disable=SC2086
		apt-get -q -y install --no-install-recommends $missing \
			>>"$log" 2>&1 && rm -f "$log" && fetch_sendmail &&
		exit 0
	echo "apt-get failed (try $try of 3)" >&2
done
cat "$log" >&2
rm -f "$log"
exit 1
