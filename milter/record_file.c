#include "record_file.h"

#include "clock.h"
#include "xmalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define ENOUGH ((size_t)64 << 10)
#define TRIES 100
#define STAMP "YYYYMMDD-HHMMSS.nnnnnnnnn"

bool
record_file_compresses(void)
{
#ifdef HAVE_ZSTD
	return true;
#else
	return false;
#endif
}

/* ---- compression -------------------------------------------------------- */

#ifdef HAVE_ZSTD
static int
begin(struct record_file *f, int level, struct err *err)
{
	f->zstd = ZSTD_createCCtx();
	if (f->zstd == NULL)
		return err_set(err, "zstd: no memory");
	ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_checksumFlag, 1);
	return 0;
}

static int
squeeze(struct record_file *f, const char *p, size_t n, ZSTD_EndDirective how,
    struct err *err)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out;

		str_reserve(&f->out, ZSTD_CStreamOutSize());
		out = (ZSTD_outBuffer){ f->out.data + f->out.len,
			ZSTD_CStreamOutSize(), 0 };
		left = ZSTD_compressStream2(f->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return err_set(
			    err, "zstd: %s", ZSTD_getErrorName(left));
		f->out.len += out.pos;
	} while (how == ZSTD_e_continue ? in.pos < in.size : left != 0);
	return 0;
}

static int
push(struct record_file *f, const char *p, size_t n, struct err *err)
{
	return squeeze(f, p, n, ZSTD_e_continue, err);
}

static int
push_rest(struct record_file *f, bool end, struct err *err)
{
	return squeeze(f, "", 0, end ? ZSTD_e_end : ZSTD_e_flush, err);
}

static void
end(struct record_file *f)
{
	ZSTD_freeCCtx(f->zstd);
	f->zstd = NULL;
}
#else
static int
begin(struct record_file *f, int level, struct err *err)
{
	(void)f;
	(void)level;
	return err_set(err, "built without zstd");
}

static int
push(struct record_file *f, const char *p, size_t n, struct err *err)
{
	(void)f;
	(void)p;
	(void)n;
	return err_set(err, "built without zstd");
}

static int
push_rest(struct record_file *f, bool last, struct err *err)
{
	(void)f;
	(void)last;
	return err_set(err, "built without zstd");
}

static void
end(struct record_file *f)
{
	(void)f;
}
#endif

/* ---- the file ----------------------------------------------------------- */

static int
open_new(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB); /* see record_file_end_old() */
	return fd;
}

/* All folders that lead to path. */
static void
make_folders(const char *path)
{
	char *part = xstrdup(path);

	for (char *p = strchr(part + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(part, 0750);
		*p = '/';
	}
	free(part);
}

static char *
new_path(const char *folder, const char *suffix, int attempt)
{
	int64_t ns = clock_wall() + attempt;
	time_t s = (time_t)(ns / CLOCK_S);
	char stamp[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	return xasprintf(
	    "%s/%s.%09d%s", folder, stamp, (int)(ns % CLOCK_S), suffix);
}

int
record_file_open(struct record_file *f, const char *folder, const char *suffix,
    int level, int64_t now, struct err *err)
{
	*f = (struct record_file){ .fd = -1, .opened = now };
	for (int i = 0; i < TRIES && f->fd < 0; i++) {
		free(f->path);
		f->path = new_path(folder, suffix, i);
		f->fd = open_new(f->path);
		if (f->fd < 0 && errno == ENOENT) {
			make_folders(f->path);
			f->fd = open_new(f->path);
		}
		if (f->fd < 0 && errno != EEXIST)
			break;
	}
	if (f->fd < 0)
		err_set(err, "%s: %s", f->path, strerror(errno));
	else if (level < 0 || begin(f, level, err) == 0)
		return 0;
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct record_file){ .fd = -1 };
	return -1;
}

int
record_file_adopt(
    struct record_file *f, int fd, const char *path, int level, struct err *err)
{
	if (level >= 0 && begin(f, level, err) != 0) {
		f->fd = -1;
		return -1;
	}
	f->fd = fd;
	f->path = xstrdup(path);
	f->adopted = true;
	return 0;
}

static void
end_mode(const struct record_file *f)
{
	if (!f->adopted)
		fchmod(f->fd, 0440);
}

/* Whole records stay; what came of the last ones goes. */
static int
give_up(struct record_file *f, struct err *err)
{
	struct err why = *err;

	if (f->zstd == NULL && ftruncate(f->fd, (off_t)f->good) != 0)
		why = *err; /* then a torn line stays */
	end(f);
	end_mode(f);
	close(f->fd);
	err_set(err, "%s: %s", f->path, why.msg);
	free(f->path);
	str_fini(&f->out);
	*f = (struct record_file){ .fd = -1 };
	return -1;
}

static int
write_out(struct record_file *f, struct err *err)
{
	const char *p = str_c(&f->out);
	size_t left = f->out.len;

	while (left > 0) {
		ssize_t n = write(f->fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_set(err, "%s", strerror(n < 0 ? errno : ENOSPC));
			return give_up(f, err);
		}
		p += n;
		left -= (size_t)n;
	}
	f->good += (long long)f->out.len;
	str_clear(&f->out);
	return 0;
}

int
record_file_write(
    struct record_file *f, const char *text, size_t len, struct err *err)
{
	f->size += len;
	if (f->zstd == NULL)
		str_add(&f->out, text, len);
	else if (push(f, text, len, err) != 0)
		return give_up(f, err);
	return f->out.len >= ENOUGH ? write_out(f, err) : 0;
}

int
record_file_flush(struct record_file *f, struct err *err)
{
	if (f->zstd != NULL && push_rest(f, false, err) != 0)
		return give_up(f, err);
	return write_out(f, err);
}

int
record_file_close(struct record_file *f, struct err *err)
{
	if (f->zstd != NULL && push_rest(f, true, err) != 0)
		return give_up(f, err);
	if (write_out(f, err) != 0)
		return -1;
	end_mode(f);
	end(f);
	close(f->fd);
	free(f->path);
	str_fini(&f->out);
	*f = (struct record_file){ .fd = -1 };
	return 0;
}

/* ---- those of the dead -------------------------------------------------- */

static bool
is_segment(const char *name)
{
	static const char form[] = STAMP;

	for (size_t i = 0; i + 1 < sizeof form; i++) {
		bool digit = name[i] >= '0' && name[i] <= '9';

		if (form[i] == '-' || form[i] == '.' ? name[i] != form[i]
						     : !digit)
			return false;
	}
	return true;
}

static void
end_old(int folder, const char *name)
{
	int fd = openat(
	    folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & 0222) != 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		fchmod(fd, st.st_mode & 0555);
	close(fd);
}

void
record_file_end_old(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (is_segment(e->d_name))
			end_old(dirfd(dir), e->d_name);
	if (dir != NULL)
		closedir(dir);
}
