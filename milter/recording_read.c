#include "recording_read.h"

#include "recording_text.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define PIECE ((size_t)64 << 10)
/* Of what was read before: more than a block of zstd has. */
#define HISTORY ((size_t)192 << 10)

struct recording_reader {
	int fd;
	char *name;
	unsigned char *in; /* in_at to in_len are to be used */
	size_t in_at, in_len;
	size_t frame; /* where zstd's frame begins in there; 0: or before */
	bool in_over, begun;
	void *zstd; /* NULL: plain */
	bool full;  /* it has more than it gave */
	struct str out;
	size_t out_at;  /* where the next line begins */
	size_t scanned; /* no line end between out_at and this */
	bool skips;     /* the rest of a line that is too long */
	const char *line;
	size_t line_len;
	unsigned long number;
};

/* ---- life ---------------------------------------------------------------- */

struct recording_reader *
recording_open_fd(int fd, const char *name)
{
	struct recording_reader *r = xcalloc(1, sizeof *r);

	r->fd = fd;
	r->name = xstrdup(name);
	r->in = xmalloc(HISTORY + PIECE);
	return r;
}

struct recording_reader *
recording_open(const char *path, struct err *err)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
					: open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		err_set(err, "%s: %s", path, strerror(errno));
		return NULL;
	}
	return recording_open_fd(fd, path);
}

void
recording_close(struct recording_reader *r)
{
	if (r == NULL)
		return;
#ifdef HAVE_ZSTD
	ZSTD_freeDCtx(r->zstd);
#endif
	close(r->fd);
	str_fini(&r->out);
	free(r->in);
	free(r->name);
	free(r);
}

/* ---- bytes --------------------------------------------------------------- */

static void
make_room(struct recording_reader *r)
{
	size_t drop = r->in_len > HISTORY ? r->in_len - HISTORY : 0;

	memmove(r->in, r->in + drop, r->in_len - drop);
	r->in_len -= drop;
	r->in_at = r->in_len;
	r->frame = r->frame > drop ? r->frame - drop : 0;
}

/* 1: there are some in r->in; 0: the end. */
static int
fill(struct recording_reader *r, struct err *err)
{
	ssize_t n;

	if (r->in_at < r->in_len)
		return 1;
	if (r->in_over)
		return 0;
	make_room(r);
	do
		n = read(r->fd, r->in + r->in_len, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, "%s: %s", r->name, strerror(errno));
	r->in_len += (size_t)n;
	r->in_over = n == 0;
	return n > 0;
}

#ifdef HAVE_ZSTD
static const unsigned char frame[] = { 0x28, 0xb5, 0x2f, 0xfd };

static bool
is_zstd(const struct recording_reader *r)
{
	return r->in_len >= sizeof frame &&
	       memcmp(r->in, frame, sizeof frame) == 0;
}

static int
begin_zstd(struct recording_reader *r, struct err *err)
{
	r->zstd = ZSTD_createDCtx();
	if (r->zstd == NULL)
		return err_set(err, "zstd: no memory");
	return 0;
}

/*
 * A writer that died left a frame without its end, and the next one began
 * another behind it, which was taken for the rest: go back to where that is.
 */
static void
find_frame(struct recording_reader *r)
{
	size_t from = r->frame < r->in_len ? r->frame + 1 : r->in_len;
	const unsigned char *p =
	    memmem(r->in + from, r->in_len - from, frame, sizeof frame);

	ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
	r->in_at = p != NULL ? (size_t)(p - r->in) : r->in_len;
	if (p != NULL)
		r->frame = r->in_at;
	else if (r->in_len > r->frame + sizeof frame) /* half of one */
		r->frame = r->in_len - sizeof frame;
}

/*
 * Byte by byte: where a frame is torn, what the library made of the bytes
 * before that in the same call would be lost.
 */
static void
expand(struct recording_reader *r)
{
	ZSTD_inBuffer in = { r->in, r->in_at + !r->full, r->in_at };
	ZSTD_outBuffer out;
	size_t rc;

	r->full = false;
	str_reserve(&r->out, PIECE);
	out = (ZSTD_outBuffer){ r->out.data + r->out.len, PIECE, 0 };
	rc = ZSTD_decompressStream(r->zstd, &out, &in);
	r->out.len += out.pos;
	if (!ZSTD_isError(rc)) {
		r->in_at = in.pos;
		r->full = out.pos == out.size;
		if (rc == 0)
			r->frame = r->in_at;
		return;
	}
	find_frame(r);
	str_addc(&r->out, '\n'); /* what was torn is a line of its own */
}
#else
static bool
is_zstd(const struct recording_reader *r)
{
	return r->in_len >= 4 && memcmp(r->in, "\x28\xb5\x2f\xfd", 4) == 0;
}

static int
begin_zstd(struct recording_reader *r, struct err *err)
{
	return err_set(err, "%s: built without zstd", r->name);
}

static void
expand(struct recording_reader *r)
{
	(void)r;
}
#endif

/* 1: there is more in r->out; 0: the end. */
static int
more(struct recording_reader *r, struct err *err)
{
	size_t had = r->out.len;
	int rc = r->full ? 1 : fill(r, err);

	if (rc <= 0)
		return rc;
	if (!r->begun && is_zstd(r) && begin_zstd(r, err) != 0)
		return -1;
	r->begun = true;
	if (r->zstd != NULL) {
		do
			expand(r);
		while (r->out.len == had && r->in_at < r->in_len);
		return 1;
	}
	str_add(&r->out, r->in + r->in_at, r->in_len - r->in_at);
	r->in_at = r->in_len;
	return 1;
}

/* ---- lines --------------------------------------------------------------- */

static void
drop_used(struct recording_reader *r)
{
	if (r->out_at == 0)
		return;
	memmove(r->out.data, r->out.data + r->out_at, r->out.len - r->out_at);
	r->out.len -= r->out_at;
	r->scanned -= r->out_at;
	r->out_at = 0;
}

static void
take_line(struct recording_reader *r, size_t len, bool whole)
{
	r->line = r->out.data + r->out_at;
	r->line_len = len;
	r->out_at += len + whole;
	r->scanned = r->out_at;
	r->number++;
}

/* A line is in r->line, or why none is. */
static enum recording_got
next_line(struct recording_reader *r, struct err *err)
{
	for (;;) {
		const char *nl = memchr(
		    str_c(&r->out) + r->scanned, '\n', r->out.len - r->scanned);
		int rc;

		if (nl != NULL) {
			take_line(
			    r, (size_t)(nl - r->out.data) - r->out_at, true);
			if (!r->skips)
				return RECORDING_SESSION;
			r->skips = false;
			err_set(err, "is longer than a line may be");
			return RECORDING_BAD;
		}
		r->scanned = r->out.len;
		if (r->out.len - r->out_at > RECORDING_LINE_MAX) {
			r->skips = true;
			r->out_at = r->out.len;
		}
		drop_used(r);
		rc = more(r, err);
		if (rc < 0)
			return RECORDING_FAILED;
		if (rc > 0)
			continue;
		if (r->out.len == r->out_at && !r->skips)
			return RECORDING_END;
		take_line(r, r->out.len - r->out_at, false);
		r->skips = false;
		return RECORDING_TORN;
	}
}

static enum recording_got
read_line(struct recording_reader *r, json_t **session, struct err *err)
{
	json_error_t why;

	*session =
	    json_loadb(r->line, r->line_len, JSON_REJECT_DUPLICATES, &why);
	if (*session == NULL) {
		err_set(err, "is no JSON: %s", why.text);
		return RECORDING_BAD;
	}
	if (recording_check(*session, err) == 0)
		return RECORDING_SESSION;
	json_decref(*session);
	*session = NULL;
	return RECORDING_BAD;
}

enum recording_got
recording_next(struct recording_reader *r, json_t **session, struct err *err)
{
	enum recording_got got, read;

	*session = NULL;
	do
		got = next_line(r, err);
	while (got == RECORDING_SESSION && r->line_len == 0);
	if (got != RECORDING_SESSION && got != RECORDING_TORN)
		return got;
	read = read_line(r, session, err);
	return got == RECORDING_TORN && read == RECORDING_BAD ? RECORDING_TORN
							      : read;
}

const char *
recording_line(const struct recording_reader *r, size_t *len)
{
	*len = r->line_len;
	return r->line;
}

unsigned long
recording_number_of_line(const struct recording_reader *r)
{
	return r->number;
}
