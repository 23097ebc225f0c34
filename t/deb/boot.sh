#!/bin/sh
# boot.sh FOLDER - systemd as PID 1 above a copy of this machine's files
#
# In namespaces of its own (unshare -m -p -f -u -i -n -C), in a cgroup of its
# own.  What it writes is in memory and goes with it; it has a loopback of its
# own and no other network.
set -e
m=$1/root
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/up" "$1/work" "$m"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$m"
mount -t proc proc "$m/proc"
mount -t sysfs sysfs "$m/sys"
mount -t cgroup2 cgroup2 "$m/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$m/dev"
for name in null zero full random urandom tty; do
	: >"$m/dev/$name"
	mount --bind "/dev/$name" "$m/dev/$name"
done
mkdir "$m/dev/pts" "$m/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$m/dev/pts"
mount -t tmpfs tmpfs "$m/dev/shm"
ln -s pts/ptmx "$m/dev/ptmx"
ln -s /proc/self/fd "$m/dev/fd"
: >"$m/dev/console"
mount -t tmpfs -o mode=755 tmpfs "$m/run"
mount -t tmpfs -o mode=1777 tmpfs "$m/tmp"
rm -f "$m/usr/sbin/policy-rc.d"
python3 -c '
import fcntl, socket, struct  # the loopback, up
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 0x41))'
mkdir "$m/tmp/old"
cd "$m"
pivot_root . tmp/old
# shellcheck disable=SC2016
exec chroot . /bin/sh -c 'umount -l /tmp/old; rmdir /tmp/old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --unit=basic.target --log-target=console \
	--show-status=false' <dev/null
