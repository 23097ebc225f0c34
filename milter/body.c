#include "body.h"

#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536

struct body {
	atomic_uint refs;
	struct str memory; /* all of it, while fd is -1 */
	int fd;
	size_t size;
};

/* A body this small is never put into a file only because others are large. */
#define SMALL ((size_t)16 * 1024)

/* What all bodies of the process hold in memory. */
static atomic_size_t held;

static void
hold(struct body *b, const void *data, size_t len)
{
	size_t before = b->memory.cap;

	str_add(&b->memory, data, len);
	atomic_fetch_add(&held, b->memory.cap - before);
}

static void
let_go(struct body *b)
{
	atomic_fetch_sub(&held, b->memory.cap);
	str_fini(&b->memory);
}

struct body *
body_new(void)
{
	struct body *b = xcalloc(1, sizeof *b);

	atomic_init(&b->refs, 1);
	b->fd = -1;
	return b;
}

struct body *
body_ref(struct body *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void
body_unref(struct body *b)
{
	if (b == NULL || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	if (b->fd >= 0)
		close(b->fd);
	let_go(b);
	free(b);
}

static int
write_all(int fd, const char *p, size_t n, struct err *err)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_set(err, "writing the message's file: %s",
			    done < 0 ? strerror(errno) : "nothing written");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* A file that nobody else can open; it goes with its descriptor. */
static int
open_file(const char *folder, struct err *err)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;

	if (fd >= 0)
		return fd;
	path = xasprintf("%s/kumilter-XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_set(err, "%s: cannot make a file for a message: %s", folder,
		    strerror(errno));
	else
		unlink(path);
	free(path);
	return fd;
}

static int
move_to_file(struct body *b, const struct body_limits *limits, struct err *err)
{
	b->fd = open_file(limits->folder, err);
	if (b->fd < 0 ||
	    write_all(b->fd, str_c(&b->memory), b->memory.len, err) != 0)
		return -1;
	let_go(b);
	return 0;
}

static bool
belongs_in_file(size_t size, const struct body_limits *limits)
{
	return size > limits->memory ||
	       (size > SMALL && atomic_load(&held) + size > limits->total);
}

int
body_add(struct body *b, const void *data, size_t len,
    const struct body_limits *limits, struct err *err)
{
	must(atomic_load(&b->refs) == 1);
	if (b->fd < 0 && belongs_in_file(b->size + len, limits) &&
	    move_to_file(b, limits, err) != 0)
		return -1;
	if (b->fd < 0)
		hold(b, data, len);
	else if (write_all(b->fd, data, len, err) != 0)
		return -1;
	b->size += len;
	return 0;
}

struct body *
body_from(const void *data, size_t len, const struct body_limits *limits,
    struct err *err)
{
	struct body *b = body_new();

	if (body_add(b, data, len, limits, err) == 0)
		return b;
	body_unref(b);
	return NULL;
}

size_t
body_size(const struct body *b)
{
	return b->size;
}

bool
body_is_spooled(const struct body *b)
{
	return b->fd >= 0;
}

static int
walk_file(const struct body *b,
    int (*take)(void *arg, const void *data, size_t len), void *arg,
    struct err *err)
{
	char *piece = xmalloc(PIECE);
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < b->size) {
		size_t want = b->size - at < PIECE ? b->size - at : PIECE;
		ssize_t got = pread(b->fd, piece, want, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			rc = err_set(err, "reading the message's file: %s",
			    got < 0 ? strerror(errno) : "it is short");
			break;
		}
		rc = take(arg, piece, (size_t)got);
		at += (size_t)got;
	}
	free(piece);
	return rc;
}

int
body_walk(const struct body *b,
    int (*take)(void *arg, const void *data, size_t len), void *arg,
    struct err *err)
{
	int rc = 0;

	if (b->fd >= 0)
		return walk_file(b, take, arg, err);
	for (size_t at = 0; rc == 0 && at < b->size; at += PIECE)
		rc = take(arg, b->memory.data + at,
		    b->size - at < PIECE ? b->size - at : PIECE);
	return rc;
}

static int
append(void *arg, const void *data, size_t len)
{
	str_add(arg, data, len);
	return 0;
}

int
body_read(const struct body *b, struct str *out, struct err *err)
{
	str_reserve(out, b->size);
	return body_walk(b, append, out, err);
}

struct comparison {
	const char *data;
	size_t at;
};

static int
compare(void *arg, const void *data, size_t len)
{
	struct comparison *c = arg;

	if (memcmp(c->data + c->at, data, len) != 0)
		return 1;
	c->at += len;
	return 0;
}

bool
body_equals(const struct body *b, const void *data, size_t len)
{
	struct comparison c = { data, 0 };

	return b->size == len && body_walk(b, compare, &c, NULL) == 0;
}
