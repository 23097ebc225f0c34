/*
 * redis_slots.h - who has which keys in a cluster of Redis servers
 *
 * A table from each of the 16384 slots to its primary and one of its replicas,
 * made from the reply to CLUSTER SLOTS, and what servers answer where another
 * one has the slot.  Servers are numbered as they are met and keep their
 * numbers.
 */
#ifndef KUMILTER_REDIS_SLOTS_H
#define KUMILTER_REDIS_SLOTS_H

#include "redis_command.h"
#include "redis_reply.h"
#include "redis_url.h"

#define REDIS_MEMBERS_MAX 256

struct redis_slots {
	struct {
		char host[REDIS_HOST_MAX + 1];
		int port;
	} member[REDIS_MEMBERS_MAX];
	int n;
	short primary[REDIS_SLOTS], replica[REDIS_SLOTS]; /* -1: not known */
	unsigned turn; /* which of several replicas is the next */
};

void redis_slots_init(struct redis_slots *s);

/* The number of this server, a new one if need be; -1: there are too many. */
int redis_slots_member(struct redis_slots *s, const char *host, int port);

/*
 * The reply to CLUSTER SLOTS of the server at host, which is meant where the
 * reply names none.  -1 with *err: it is none, and nothing has changed.
 */
int redis_slots_read(struct redis_slots *s, const struct redis_value *reply,
    const char *host, struct err *err);

enum redis_redirect_kind {
	REDIRECT_NONE,
	REDIRECT_MOVED, /* from now on */
	REDIRECT_ASK,   /* for this once, and after ASKING */
	REDIRECT_LATER, /* to nobody, but not for long */
};

struct redis_redirect {
	enum redis_redirect_kind kind;
	int slot, port;
	char host[REDIS_HOST_MAX + 1];
};

/* "MOVED 3999 192.0.2.1:6381", an error of the server at host. */
struct redis_redirect redis_redirect_of(
    const struct redis_value *reply, const char *host);

#endif
