/*
 * privilege.h - from root to the user that policies run as
 */
#ifndef KUMILTER_PRIVILEGE_H
#define KUMILTER_PRIVILEGE_H

#include "err.h"

#include <sys/types.h>

#define PRIVILEGE_USER "kumilter"

struct privilege {
	uid_t uid; /* (uid_t)-1: stay who we are */
	gid_t gid;
	const char *user;
};

/*
 * Who to be.  user NULL: as root the user kumilter, which must then exist;
 * else who we are.  "root" must be said to be meant.
 */
int privilege_find(struct privilege *p, const char *user, struct err *err);
int privilege_drop(const struct privilege *p, struct err *err);
int privilege_group(const char *name, gid_t *gid, struct err *err);

#endif
