/*
 * exporter.h - how the daemon is, by HTTP
 *
 * A listener of its own, with a thread of libmicrohttpd's that answers three
 * addresses: /metrics in Prometheus' format, /status.json, and / with a page
 * that draws them.  It reads counters and takes no lock that a session waits
 * for longer than it takes to copy a few numbers.
 *
 * Only GET and HEAD, without a body; requests by another name than that of
 * this machine are refused, so that a page elsewhere cannot read it through a
 * browser here.
 *
 * One a process; any thread may begin and end it.
 */
#ifndef KUMILTER_EXPORTER_H
#define KUMILTER_EXPORTER_H

#include "err.h"

#include <stdbool.h>

/*
 * Serve on "unix:/path", "inet:PORT@HOST" or "inet6:PORT@HOST", instead of
 * what was there before, which stays where this fails.  NULL or "none": no
 * more.  The address must be one of the loopback interface, unless anywhere.
 * 0, or -1 with *err.  Asked for the same again it does nothing.
 */
int exporter_serve(const char *spec, bool anywhere, struct err *err);
void exporter_stop(void);

#endif
