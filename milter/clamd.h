/*
 * clamd.h - asking ClamAV's daemon whether bytes hold a virus
 *
 * One connection for each scan, over a unix or a TCP socket, with clamd's
 * command INSTREAM: it is given the bytes themselves and needs no right to
 * read our files.  Blocks its thread until the deadline at most, so call it
 * where no Lua state is held.  No state: any thread.
 */
#ifndef KUMILTER_CLAMD_H
#define KUMILTER_CLAMD_H

#include "body.h"
#include "ip.h"

#include <stdbool.h>
#include <stdint.h>

struct clamd_server {
	const char *path; /* of a unix socket; NULL: the address */
	struct ip ip;
	int port;
};

/* head and then the body, which may be NULL. */
struct clamd_data {
	const void *head;
	size_t head_len;
	const struct body *body;
};

struct clamd_answer {
	bool clean;
	char virus[256]; /* its name in printable ASCII, "" where it is clean */
};

/*
 * -1 with *err: nobody is there, the time (of clock_mono()) is up, or clamd
 * cannot tell, as of more bytes than its StreamMaxLength.
 */
int clamd_scan(const struct clamd_server *server, const struct clamd_data *data,
    int64_t deadline, struct clamd_answer *out, struct err *err);

#endif
