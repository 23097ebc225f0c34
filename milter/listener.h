/*
 * listener.h - the socket on which MTAs find us
 *
 * The daemon opens its socket itself (or inherits it), so that it can close
 * the door on TERM while open sessions go on, and so that TCP connections have
 * TCP_NODELAY (accepted ones inherit it; without it each command costs 42 ms).
 */
#ifndef KUMILTER_LISTENER_H
#define KUMILTER_LISTENER_H

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

struct listen_options {
	mode_t mode; /* of a unix socket */
	uid_t owner; /* and who owns it; (uid_t)-1: leave it */
	gid_t group;
};

struct listener {
	int fd;
	char *spec; /* as given */
	char *path; /* of a unix socket that we made */
	dev_t dev;  /* and what it was when we made it */
	ino_t ino;
	bool inherited;
};

/*
 * "unix:/path", "local:/path", "inet:PORT[@HOST]", "inet6:PORT[@HOST]" or
 * "fd:N".  A stale unix socket is replaced; one that somebody serves is an
 * error, as is a port in use.
 */
int listener_open(struct listener *l, const char *spec,
    const struct listen_options *o, struct err *err);

/* Is this one of those forms?  Says nothing of whether it can be had. */
int listener_check(const char *spec, struct err *err);

/*
 * Let nobody in any more: connects are refused (or, for an inherited socket,
 * stay in the queue of whoever else holds it).  The number l->fd stays a
 * listening socket, on which nobody arrives, because libmilter polls it.
 */
int listener_shut(struct listener *l, struct err *err);
/* Wake who polls it. */
void listener_wake(struct listener *l);
void listener_close(struct listener *l);

#endif
