#include "redis_slots.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

void
redis_slots_init(struct redis_slots *s)
{
	memset(s, 0, sizeof *s);
	for (int i = 0; i < REDIS_SLOTS; i++)
		s->primary[i] = s->replica[i] = -1;
}

int
redis_slots_member(struct redis_slots *s, const char *host, int port)
{
	size_t len = strlen(host);

	for (int i = 0; i < s->n; i++)
		if (s->member[i].port == port &&
		    strcmp(s->member[i].host, host) == 0)
			return i;
	if (s->n == REDIS_MEMBERS_MAX || len == 0 || len > REDIS_HOST_MAX)
		return -1;
	memcpy(s->member[s->n].host, host, len + 1);
	s->member[s->n].port = port;
	return s->n++;
}

/* [host, port, ...]: a server's number, or -1. */
static int
read_server(
    struct redis_slots *s, const struct redis_value *v, const char *asked)
{
	const struct redis_value *host = redis_value_at(v, 0);
	const struct redis_value *port = redis_value_at(v, 1);
	const char *name = asked;

	if (port == NULL || port->kind != REDIS_INT || port->i < 1 ||
	    port->i > 65535)
		return -1;
	if (host != NULL && host->text != NULL && host->len > 0 &&
	    strlen(host->text) == host->len && strcmp(host->text, "?") != 0)
		name = host->text;
	return redis_slots_member(s, name, (int)port->i);
}

/* [first, last, primary, replica, ...] */
static int
read_range(
    struct redis_slots *s, const struct redis_value *v, const char *asked)
{
	const struct redis_value *first = redis_value_at(v, 0);
	const struct redis_value *last = redis_value_at(v, 1);
	int primary, replica = -1;

	if (first == NULL || last == NULL || first->kind != REDIS_INT ||
	    last->kind != REDIS_INT || first->i < 0 || last->i < first->i ||
	    last->i >= REDIS_SLOTS)
		return -1;
	primary = read_server(s, redis_value_at(v, 2), asked);
	if (primary < 0)
		return -1;
	if (v->len > 3)
		replica = read_server(
		    s, redis_value_at(v, 3 + s->turn++ % (v->len - 3)), asked);
	for (int64_t i = first->i; i <= last->i; i++) {
		s->primary[i] = (short)primary;
		s->replica[i] = (short)replica;
	}
	return 0;
}

int
redis_slots_read(struct redis_slots *s, const struct redis_value *reply,
    const char *host, struct err *err)
{
	struct redis_slots *next;
	size_t good = 0;

	if (redis_value_error(reply) != NULL)
		return err_set(err, "CLUSTER SLOTS: %.200s",
		    redis_value_error(reply)->text);
	if (reply == NULL || reply->kind != REDIS_LIST)
		return err_set(err, "CLUSTER SLOTS: an array expected");
	next = xmalloc(sizeof *next);
	*next = *s;
	for (int i = 0; i < REDIS_SLOTS; i++)
		next->primary[i] = next->replica[i] = -1;
	for (size_t i = 0; i < reply->len; i++)
		good += read_range(next, reply->item[i], host) == 0;
	if (good > 0)
		*s = *next;
	free(next);
	return good > 0 ? 0
			: err_set(err, "CLUSTER SLOTS: nobody has any slot");
}

/* "192.0.2.1:6381", ":6381" or "::1:6381" */
static int
read_place(struct redis_redirect *r, const char *text, const char *asked)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	if (colon == NULL || len > REDIS_HOST_MAX)
		return -1;
	port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535)
		return -1;
	r->port = (int)port;
	memcpy(r->host, text, len);
	r->host[len] = '\0';
	if (len == 0 || strcmp(r->host, "?") == 0) {
		if (strlen(asked) > REDIS_HOST_MAX)
			return -1;
		strcpy(r->host, asked);
	}
	return 0;
}

struct redis_redirect
redis_redirect_of(const struct redis_value *reply, const char *host)
{
	struct redis_redirect r = { .kind = REDIRECT_NONE };
	const char *text;
	char *end;
	long slot;

	if (reply == NULL || reply->kind != REDIS_ERROR)
		return r;
	text = reply->text;
	if (strncmp(text, "TRYAGAIN", 8) == 0 ||
	    strncmp(text, "CLUSTERDOWN", 11) == 0) {
		r.kind = REDIRECT_LATER;
		return r;
	}
	if (strncmp(text, "MOVED ", 6) != 0 && strncmp(text, "ASK ", 4) != 0)
		return r;
	slot = strtol(strchr(text, ' ') + 1, &end, 10);
	if (*end != ' ' || slot < 0 || slot >= REDIS_SLOTS ||
	    read_place(&r, end + 1, host) != 0)
		return r;
	r.slot = (int)slot;
	r.kind = text[0] == 'M' ? REDIRECT_MOVED : REDIRECT_ASK;
	return r;
}
