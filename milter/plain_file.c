#include "plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(const char *path, struct err *err)
{
	return err_set(err, "%s: %s", path, strerror(errno));
}

int
plain_file_open(const char *path, int flags, mode_t mode, struct err *err)
{
	const int fits = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND;
	struct stat sb;
	int fd;

	if ((flags & ~fits) != 0 || (flags & O_ACCMODE) == O_ACCMODE)
		return err_set(err,
		    "%s: flags %d: only O_RDONLY, O_WRONLY, "
		    "O_RDWR, O_CREAT, O_EXCL, O_TRUNC and "
		    "O_APPEND are known",
		    path, flags);
	/* opening a device may do something already */
	if (stat(path, &sb) == 0 && !S_ISREG(sb.st_mode))
		return err_set(err, "%s: not a regular file", path);
	fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);
	if (fd < 0)
		return fail(path, err);
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		return err_set(err, "%s: not a regular file", path);
	}
	return fd;
}

int
plain_file_read(int fd, size_t max, struct str *out, struct err *err)
{
	char buf[16384];

	while (max > 0) {
		ssize_t n = read(fd, buf, max < sizeof buf ? max : sizeof buf);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int why = errno;

			err_set(err, "%s", strerror(why));
			errno = why;
			return -1;
		}
		if (n == 0)
			return 0;
		str_add(out, buf, (size_t)n);
		max -= (size_t)n;
	}
	return 0;
}

int
plain_file_write(int fd, const void *p, size_t n, struct err *err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(err, "%s", strerror(errno));
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int
plain_file_get(const char *path, struct str *out, struct err *err)
{
	int fd = plain_file_open(path, O_RDONLY, 0, err), rc;
	struct err why;

	if (fd < 0)
		return -1;
	rc = plain_file_read(fd, PLAIN_FILE_MAX + 1, out, &why);
	close(fd);
	if (rc != 0)
		return err_set(err, "%s: %s", path, why.msg);
	if (out->len > PLAIN_FILE_MAX)
		return err_set(
		    err, "%s: larger than %zu bytes", path, PLAIN_FILE_MAX);
	return 0;
}
