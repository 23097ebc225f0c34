#include "redis_reply.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

void
redis_value_free(struct redis_value *v)
{
	if (v == NULL)
		return;
	/* no deeper than REDIS_REPLY_DEPTH_MAX */
	for (size_t i = 0; v->item != NULL && i < v->len; i++)
		redis_value_free(v->item[i]);
	free(v->item);
	free(v->text);
	free(v);
}

const struct redis_value *
redis_value_error(const struct redis_value *v)
{
	const struct redis_value *e = NULL;

	if (v == NULL || v->kind == REDIS_ERROR)
		return v;
	for (size_t i = 0; v->item != NULL && i < v->len && e == NULL; i++)
		e = redis_value_error(v->item[i]);
	return e;
}

bool
redis_value_is(const struct redis_value *v, const char *text)
{
	return v != NULL && v->text != NULL && strcmp(v->text, text) == 0;
}

const struct redis_value *
redis_value_at(const struct redis_value *v, size_t i)
{
	return v != NULL && v->kind == REDIS_LIST && i < v->len ? v->item[i]
								: NULL;
}

#ifdef HAVE_HIREDIS

/* the parser alone: what else hiredis has wants sockets of its own */
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

struct redis_reader {
	redisReader *parser;
	size_t bytes, values; /* of the reply under way */
	const char *why;      /* what makes it too large */
};

bool
redis_is_built(void)
{
	return true;
}

/* Puts a value where its parent has a place for it. */
static struct redis_value *
value_new(const redisReadTask *task, enum redis_kind kind)
{
	struct redis_reader *r = task->privdata;
	struct redis_value *v, *parent;

	if (r->values >= REDIS_REPLY_VALUES_MAX) {
		r->why = "too many values in a reply";
		return NULL;
	}
	r->values++;
	v = xcalloc(1, sizeof *v);
	v->kind = kind;
	if (task->parent != NULL) {
		parent = task->parent->obj;
		must((size_t)task->idx < parent->len);
		parent->item[task->idx] = v;
	}
	return v;
}

static void *
make_string(const redisReadTask *task, char *text, size_t len)
{
	struct redis_value *v =
	    value_new(task, task->type == REDIS_REPLY_ERROR    ? REDIS_ERROR
			    : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
							       : REDIS_TEXT);

	if (v == NULL)
		return NULL;
#ifdef REDIS_REPLY_VERB
	if (task->type == REDIS_REPLY_VERB && len >= 4) { /* "txt:" */
		text += 4;
		len -= 4;
	}
#endif
	v->text = xmemdup0(text, len);
	v->len = len;
	return v;
}

static void *
make_integer(const redisReadTask *task, long long i)
{
	struct redis_value *v = value_new(task, REDIS_INT);

	if (v != NULL)
		v->i = i;
	return v;
}

static void *
make_nil(const redisReadTask *task)
{
	return value_new(task, REDIS_NIL);
}

static void *
make_list(const redisReadTask *task, enum redis_kind kind, long long n)
{
	struct redis_reader *r = task->privdata;
	struct redis_value *v;

	int depth = 0;

	for (const redisReadTask *t = task->parent; t != NULL; t = t->parent)
		depth++;
	if (depth >= REDIS_REPLY_DEPTH_MAX) {
		r->why = "arrays nested too deeply in a reply";
		return NULL;
	}
	if (n < 0 || n > REDIS_REPLY_VALUES_MAX - (long long)r->values) {
		r->why = "too many values in a reply";
		return NULL;
	}
	v = value_new(task, kind);
	if (v != NULL) {
		v->item = xcalloc((size_t)n + 1, sizeof *v->item);
		v->len = (size_t)n;
	}
	return v;
}

static void
free_value(void *v)
{
	redis_value_free(v);
}

#if HIREDIS_MAJOR >= 1

bool
redis_knows_resp3(void)
{
	return true;
}

static void *
make_array(const redisReadTask *task, size_t n)
{
	return make_list(task,
	    task->type == REDIS_REPLY_MAP ? REDIS_MAP : REDIS_LIST,
	    n > REDIS_REPLY_VALUES_MAX ? -1 : (long long)n);
}

static void *
make_double(const redisReadTask *task, double d, char *text, size_t len)
{
	struct redis_value *v = value_new(task, REDIS_REAL);

	(void)text;
	(void)len;
	if (v != NULL)
		v->d = d;
	return v;
}

static void *
make_bool(const redisReadTask *task, int b)
{
	struct redis_value *v = value_new(task, REDIS_BOOL);

	if (v != NULL)
		v->i = b;
	return v;
}

static redisReplyObjectFunctions makers = { make_string, make_array,
	make_integer, make_double, make_nil, make_bool, free_value };

#else

bool
redis_knows_resp3(void)
{
	return false;
}

static void *
make_array(const redisReadTask *task, int n)
{
	return make_list(task, REDIS_LIST, n);
}

static redisReplyObjectFunctions makers = { make_string, make_array,
	make_integer, make_nil, free_value };

#endif

struct redis_reader *
redis_reader_new(void)
{
	struct redis_reader *r = xcalloc(1, sizeof *r);

	r->parser = redisReaderCreateWithFunctions(&makers);
	must(r->parser != NULL);
	r->parser->privdata = r;
	return r;
}

void
redis_reader_free(struct redis_reader *r)
{
	if (r == NULL)
		return;
	redisReaderFree(r->parser);
	free(r);
}

int
redis_reader_feed(
    struct redis_reader *r, const char *p, size_t len, struct err *err)
{
	r->bytes += len;
	if (r->bytes > REDIS_REPLY_BYTES_MAX)
		return err_set(err, "a reply of more than %d MiB",
		    (int)(REDIS_REPLY_BYTES_MAX >> 20));
	must(redisReaderFeed(r->parser, p, len) == REDIS_OK);
	return 0;
}

int
redis_reader_take(
    struct redis_reader *r, struct redis_value **out, struct err *err)
{
	void *reply = NULL;

	*out = NULL;
	if (redisReaderGetReply(r->parser, &reply) != REDIS_OK)
		return err_set(
		    err, "%s", r->why != NULL ? r->why : r->parser->errstr);
	if (reply == NULL)
		return 0;
	r->bytes = r->parser->len - r->parser->pos;
	r->values = 0;
	*out = reply;
	return 1;
}

bool
redis_reader_is_idle(const struct redis_reader *r)
{
	return r->bytes == 0;
}

#else

bool
redis_is_built(void)
{
	return false;
}

bool
redis_knows_resp3(void)
{
	return false;
}

struct redis_reader *
redis_reader_new(void)
{
	return NULL;
}

void
redis_reader_free(struct redis_reader *r)
{
	(void)r;
}

int
redis_reader_feed(
    struct redis_reader *r, const char *p, size_t len, struct err *err)
{
	(void)r, (void)p, (void)len;
	return err_set(err, "built without hiredis");
}

int
redis_reader_take(
    struct redis_reader *r, struct redis_value **out, struct err *err)
{
	(void)r;
	*out = NULL;
	return err_set(err, "built without hiredis");
}

bool
redis_reader_is_idle(const struct redis_reader *r)
{
	(void)r;
	return false;
}

#endif
