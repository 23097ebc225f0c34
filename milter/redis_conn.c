#include "redis_conn.h"

#include "redis_stream.h"
#include "xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_conn {
	struct redis_stream *stream;
	struct redis_reader *reader;
	char name[REDIS_NAME_MAX]; /* whose server it is */
};

/* "Redis at 192.0.2.1:6379: ..." */
static int
fail(const struct redis_conn *c, const struct err *why, struct err *err)
{
	return err_set(err, "Redis at %s: %.400s", c->name, why->msg);
}

static int
read_reply(struct redis_conn *c, int64_t deadline, struct redis_value **out,
    struct err *why)
{
	char bytes[16384];
	int n;

	for (;;) {
		n = redis_reader_take(c->reader, out, why);
		if (n != 0)
			return n > 0 ? 0 : -1;
		n = redis_stream_read(
		    c->stream, bytes, sizeof bytes, deadline, why);
		if (n < 0 ||
		    redis_reader_feed(c->reader, bytes, (size_t)n, why) != 0)
			return -1;
	}
}

int
redis_conn_call(struct redis_conn *c, const struct redis_command *command,
    int64_t deadline, struct redis_value **out, struct err *err)
{
	struct str wire = { 0 };
	struct err why;
	int rc;

	*out = NULL;
	redis_command_write(command, &wire);
	rc = redis_stream_write(
	    c->stream, str_c(&wire), wire.len, deadline, &why);
	str_fini(&wire);
	if (rc == 0)
		rc = read_reply(c, deadline, out, &why);
	return rc == 0 ? 0 : fail(c, &why, err);
}

bool
redis_conn_is_quiet(struct redis_conn *c)
{
	return redis_reader_is_idle(c->reader) &&
	       !redis_stream_is_readable(c->stream);
}

/* A command of the login: what it answers does not matter, unless "no". */
static int
expect(struct redis_conn *c, struct redis_command *command, int64_t deadline,
    struct err *err)
{
	struct redis_value *v = NULL;
	struct err why;
	int rc = redis_conn_call(c, command, deadline, &v, err);

	if (rc == 0 && redis_value_error(v) != NULL) {
		err_set(&why, "%.300s", redis_value_error(v)->text);
		rc = fail(c, &why, err);
	}
	redis_value_free(v);
	redis_command_fini(command);
	return rc;
}

static void
add(struct redis_command *c, const char *word)
{
	must(redis_command_add(c, word, strlen(word), NULL) == 0);
}

static int
log_in(struct redis_conn *c, const struct redis_node *node, int64_t deadline,
    struct err *err)
{
	struct redis_command command = { 0 };
	bool secret = node->password[0] != '\0';

	if (node->resp3) {
		redis_command_words(&command, "HELLO 3");
		if (secret) {
			add(&command, "AUTH");
			add(&command,
			    node->user[0] != '\0' ? node->user : "default");
			add(&command, node->password);
		}
	} else if (secret) {
		add(&command, "AUTH");
		if (node->user[0] != '\0')
			add(&command, node->user);
		add(&command, node->password);
	} else {
		return 0;
	}
	return expect(c, &command, deadline, err);
}

static int
prepare(struct redis_conn *c, const struct redis_node *node, bool replica,
    int64_t deadline, struct err *err)
{
	struct redis_command command = { 0 };
	char db[16];

	if (log_in(c, node, deadline, err) != 0)
		return -1;
	if (node->db != 0) {
		snprintf(db, sizeof db, "%d", node->db);
		add(&command, "SELECT");
		add(&command, db);
		if (expect(c, &command, deadline, err) != 0)
			return -1;
	}
	if (!replica)
		return 0;
	add(&command, "READONLY");
	return expect(c, &command, deadline, err);
}

struct redis_conn *
redis_conn_open(const struct redis_node *node, bool replica, int64_t deadline,
    struct err *err)
{
	struct redis_conn *c = xcalloc(1, sizeof *c);
	struct err why;
	int rc = 0;

	redis_node_name(node, c->name, sizeof c->name);
	if (!redis_is_built())
		rc = err_set(err, "built without hiredis");
	else if (node->resp3 && !redis_knows_resp3())
		rc = err_set(
		    err, "protocol=resp3: this hiredis knows RESP2 alone");
	if (rc == 0) {
		c->reader = redis_reader_new();
		c->stream = redis_stream_open(node, deadline, &why);
		if (c->stream == NULL)
			rc = fail(c, &why, err);
	}
	if (rc == 0)
		rc = prepare(c, node, replica, deadline, err);
	if (rc == 0)
		return c;
	redis_conn_close(c);
	return NULL;
}

void
redis_conn_close(struct redis_conn *c)
{
	if (c == NULL)
		return;
	redis_stream_close(c->stream);
	redis_reader_free(c->reader);
	free(c);
}
